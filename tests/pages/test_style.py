"""The style sheet: readable in both schemes, and nothing in it or in the scripts that could fetch or inject."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

ASSETS = files("assay.pages").joinpath("assets")
CSS = ASSETS.joinpath("assay.css").read_text(encoding="utf-8")
INKS = ("ink", "soft", "link", "pass", "fail", "none", "user")
GROUNDS = {"ink": ("wash", "faint", "mark", "pass-wash", "fail-wash"), "soft": ("wash", "faint"), "fail": ("wash",)}


def palette(scheme: str) -> dict[str, str]:
    block = CSS.partition(f'[data-md-color-scheme="{scheme}"] {{')[2].partition("}")[0]
    return dict(re.findall(r"--(?:as-|md-)?([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_every_ink_reads_on_every_ground_it_stands_on(scheme: str) -> None:
    colours = palette(scheme)
    for ink in INKS:
        for ground in ("default-bg-color", *GROUNDS.get(ink, ())):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (scheme, ink, ground)


@pytest.mark.parametrize("name", sorted(item.name for item in ASSETS.iterdir() if item.name.endswith(".js")))
def test_scripts_build_no_markup_from_strings(name: str) -> None:
    source = ASSETS.joinpath(name).read_text(encoding="utf-8")
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write(", "eval(", "Function(", "fetch("):
        assert banned not in source


def test_the_style_sheet_loads_nothing() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
