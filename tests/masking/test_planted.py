"""Leaks that were planted are found, and innocents are left alone; the scores are printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.documents import read
from assay.masking import scan

HERE = Path(__file__).parent


def planted(name: str) -> list[tuple[str, str]]:
    """Class and text of every case."""
    document, found = read(HERE / name, name)
    assert document is not None
    assert found == []
    return [(kind, text) for kind, texts in document.data.items() for text in texts]


def test_planted_leaks_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    cases = planted("leaks.yaml")
    found = {text: list(scan(text)) for _, text in cases}
    missed = [text for _, text in cases if not found[text]]
    certain = sum(any(leak.certain for leak in leaks) for leaks in found.values())
    with capsys.disabled():
        print(f"\nplanted leaks: {len(cases) - len(missed)} of {len(cases)} found, {certain} as certain")
    assert len(cases) >= 60
    assert len(cases) - len(missed) >= 58, missed
    assert certain >= 50


def test_innocents_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    cases = planted("innocents.yaml")
    flagged = [(text, leaks) for _, text in cases if (leaks := list(scan(text)))]
    with capsys.disabled():
        print(f"\nplanted innocents: {len(flagged)} of {len(cases)} flagged")
    assert len(cases) >= 60
    assert len(flagged) <= 2, flagged
