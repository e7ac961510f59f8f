"""Every type of page against programs that know the standards: axe-core (WCAG 2.1 A and AA) and html-validate."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.writer import write
from assay.workspace import load
from tests.browser.test_site import ALL_PAGES
from tests.pages.example import TASK, make_workspace

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on PATH; `make agents` installs it"),
]
PROGRAMS = ("axe-core@4.14.1", "html-validate@10.17.0")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
THE_THEMES = ("doctype-style", "no-trailing-whitespace", "unique-landmark", "valid-autocomplete", "wcag/h32")
"""What html-validate says of a page of the bare theme: how it writes the doctype, its search form, its navigation."""
RULES = {**dict.fromkeys(THE_THEMES, "off"), "valid-id": ["error", {"relaxed": True}]}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *PROGRAMS]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder / "node_modules"


@pytest.fixture(scope="module")
def annotators_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("annotators"))
    write(root / "site", pages(load(root), Ranked(None, "not yet"), audience="annotator"))
    assert build(root) is None
    return root / "build/site"


def shown(site: Path, annotators_site: Path) -> Iterator[Path]:
    yield from (site / path for path in ("quality.html", "rules.html", *ALL_PAGES))
    yield from (annotators_site / path for path in ("index.html", "ranking.html", f"tasks/{TASK}/index.html"))
    yield from sorted((annotators_site / "grade").glob("*.html"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_success_criterion(
    chrome: Browser, site: Path, annotators_site: Path, programs: Path, scheme: str
) -> None:
    script = (programs / "axe-core/axe.min.js").read_text(encoding="utf-8")
    context = chrome.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    broken: list[Any] = []
    for file in shown(site, annotators_site):
        page.goto(file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true })")
        page.wait_for_timeout(200)
        page.evaluate(script)
        found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
        assert found["passes"], file
        broken += [(file.name, item["id"], item["nodes"][0]["html"][:200]) for item in found["violations"]]
    context.close()
    assert broken == []


def test_every_page_is_valid_html(site: Path, annotators_site: Path, programs: Path, tmp_path: Path) -> None:
    config, report = tmp_path / "rules.json", tmp_path / "report.json"
    config.write_text(json.dumps({"root": True, "extends": ["html-validate:recommended"], "rules": RULES}))
    wrong = tmp_path / "wrong.html"  # what finds nothing here has not looked
    wrong.write_text(
        '<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><p id="a"><p id="a"></body></html>'
    )
    files = [str(wrong), *(str(file) for file in shown(site, annotators_site))]
    with report.open("w", encoding="utf-8") as out:
        command = ["node", str(programs / "html-validate/bin/html-validate.mjs"), "--config", str(config), "-f", "json"]
        done = subprocess.run([*command, *files], stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    text = report.read_text(encoding="utf-8")
    found = [
        (Path(page["filePath"]).name, item["ruleId"], item["message"][:120])
        for page in json.loads(text or "[]")
        for item in page["messages"]
        if item["severity"] == 2
    ]
    assert {name for name, _, _ in found} == {"wrong.html"}, [item for item in found if item[0] != "wrong.html"]
