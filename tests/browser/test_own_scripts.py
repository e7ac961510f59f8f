"""Our own scripts, without the theme's: how much of them a page loads, and that Trusted Types may be required."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.grading import PAGE, built
from tests.browser.test_site import ALL_PAGES
from tests.browser.watching import Watched, build_site
from tests.pages.example import TASK, make_workspace, step, write_attempt
from tests.pages.test_casts import add_run, recorded

pytestmark = pytest.mark.browser
MOST = 40 * 1024
"""Bytes of our own scripts that a page loads by itself."""
REQUIRED = "; require-trusted-types-for 'script'"
LOG = f"trajectories/{TASK}/dry-finch.html"


def strict(site: Path, to: Path) -> Path:
    """A copy in which Trusted Types are required and the theme's scripts are missing, since they need strings."""
    shutil.copytree(site, to)
    for file in to.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        text, theme = re.subn(r'<script src="[^"]*assets/javascripts/[^"]*"></script>', "", text)
        text, policies = re.subn(r"(trusted-types assay)(\">)", rf"\g<1>{REQUIRED}\g<2>", text)
        assert (theme, policies) == (1, 1), file
        file.write_text(text, encoding="utf-8")
    return to


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each type of page of the public edition, with a log in chunks and a recording."""
    root = make_workspace(tmp_path_factory.mktemp("own"))
    output = "".join(f"line {number} of the output\n" for number in range(300))
    many = [step(1, "user", "Count words.")]
    many += [step(number, "agent", f"Say {number}.", f"echo {number}", output) for number in range(2, 90)]
    write_attempt(root, "dry-finch", passed=(False, True), steps=many)
    add_run(root, recorded([[0, "o", "begun\r\n"], [1, "o", "over"]]))
    return build_site(root)


@pytest.fixture(scope="module")
def annotators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("annotators"))


@pytest.fixture(scope="module")
def strict_public(public: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return strict(public, tmp_path_factory.mktemp("strict") / "site")


def refuses(page: Page) -> bool:
    """Whether a string is no script here: what would break nothing has not been required."""
    return bool(
        page.evaluate(
            """() => { try { document.createElement("script").src = "x.js"; return false } catch { return true } }"""
        )
    )


def test_every_page_does_without_strings_as_scripts(watched: Watched, strict_public: Path) -> None:
    for path in sorted({*ALL_PAGES, "quality.html", "rules.html"}):
        watched.open(strict_public, path)
        watched.page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true })")
        assert watched.complaints == [], path
    assert watched.external == []
    assert refuses(watched.page)


def test_data_is_loaded_where_trusted_types_are_required(watched: Watched, strict_public: Path) -> None:
    page = watched.page
    watched.open(strict_public, LOG)
    page.locator("#s40 summary").click()
    expect(page.locator("#s40 .as-body")).to_contain_text("line 299")
    watched.open(strict_public, f"compare/{TASK}.html")
    expect(page.locator(".as-sides thead th")).to_have_count(2)
    watched.open(strict_public, f"trajectories/{TASK}/calm-heron.html#r-rater-1-01")
    page.get_by_role("button", name="play the recording").click()
    expect(page.locator(".as-screen")).to_contain_text("begun")
    watched.open(strict_public, "tasks/index.html")
    page.get_by_label("find a task").fill("no such task")
    expect(page.locator("table tbody tr:not([hidden])")).to_have_count(0)
    assert watched.complaints == []
    assert refuses(page)


def test_a_task_is_graded_where_trusted_types_are_required(watched: Watched, annotators: Path, tmp_path: Path) -> None:
    page = watched.page
    watched.open(strict(annotators, tmp_path / "site"), f"{PAGE}?by=rater-2")
    page.frame_locator("iframe:visible").locator("#s4 .as-line").click(click_count=3)
    expect(page.locator(".as-gplace")).to_have_text("step:4")
    page.get_by_label("cite for edits-tests").fill('step:1 "words that nobody wrote"')
    page.keyboard.press("Enter")
    expect(page.locator(".as-gwhy")).to_have_text("the quote is not found at that place")
    page.get_by_role("tab", name="file").click()
    expect(page.locator(".as-gyaml")).to_contain_text("annotator: rater-2")
    assert watched.complaints == []
    assert refuses(page)


ELSEWHERE = (
    "https://example.org/x.js",
    "//example.org/x.js",
    "/x.js",
    "data:text/javascript,1",
    "x.js?y",
    "x.js#y",
    "..\\x.js",
    "\\\\example.org\\x.js",
    "x.txt",
    "javascript:x.js",
    "a/%2e%2e/x.js",
    "\tx.js",
    "x.js\n",
)


def test_no_script_is_loaded_from_elsewhere(watched: Watched, strict_public: Path) -> None:
    watched.open(strict_public, "index.html")
    watched.page.wait_for_load_state("networkidle")
    before = [*watched.requests]
    load = "address => assayLoad(address).then(() => 'loaded', error => error.message)"
    for address in ELSEWHERE:
        assert watched.page.evaluate(load, address) == f"no script of this site: {address}"
    assert watched.requests == before


def weight(watched: Watched, site: Path, path: str) -> int:
    """Bytes of our own scripts that the page itself asked for, data and what stands in its frames left out."""
    own: list[str] = []

    def note(made: Request) -> None:
        if made.frame == watched.page.main_frame:
            own.append(made.url)

    watched.page.on("request", note)
    watched.open(site, path)
    watched.page.wait_for_load_state("load")
    watched.page.wait_for_timeout(200)
    watched.page.remove_listener("request", note)
    names = {url.rpartition("/")[2] for url in own if "/assets/assay/" in url and url.endswith(".js")}
    assert names >= {"assay.js", "iframe-worker.js"}, path
    return sum((site / "assets/assay" / name).stat().st_size for name in names)


def test_a_page_loads_little_of_our_own(watched: Watched, public: Path, annotators: Path) -> None:
    for path in ("index.html", "tasks/index.html", f"tasks/{TASK}/index.html", f"compare/{TASK}.html"):
        assert 0 < weight(watched, public, path) <= MOST, path
    assert 15_000 < weight(watched, public, f"trajectories/{TASK}/calm-heron.html") <= MOST
    assert 30_000 < weight(watched, annotators, f"{PAGE}?by=rater-2") <= MOST
