"""The site in a browser, opened from a folder: citations lead to their steps, nothing hostile runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import Watched, build_site, watch
from tests.pages.example import TASK
from tests.pages.hostile import make_hostile

pytestmark = pytest.mark.browser

HTML = ("index.html", "ranking.html", "tasks/index.html", f"tasks/{TASK}/index.html", "work.html", "guidelines.html")
TRAJECTORIES = tuple(f"trajectories/{TASK}/{alias}.html" for alias in ("brisk-otter", "calm-heron", "dry-finch"))
PLAIN = ("about.html", "commands.html", f"compare/{TASK}.html")
ALL_PAGES = (*HTML, *PLAIN, *TRAJECTORIES)


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(make_hostile(tmp_path_factory.mktemp("hostile")))


def test_a_citation_leads_from_the_ranking_to_the_step(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, "index.html")
    page.get_by_role("link", name="Ranking", exact=True).first.click()
    page.get_by_role("link", name="dry-finch step 3").click()
    row = page.locator("#s3")
    assert page.url.endswith(f"trajectories/{TASK}/dry-finch.html#s3")
    expect(row).to_have_attribute("open", "")
    expect(row).to_be_in_viewport()
    expect(row.get_by_text("make: *** [test] Error 1")).to_be_visible()
    row.get_by_role("link", name="rater-1: comparison").click()
    expect(page.locator("#rater-1")).to_be_in_viewport()
    assert watched.external == []
    assert watched.complaints == []


def test_a_cited_call_opens_its_row(watched: Watched, site: Path) -> None:
    watched.open(site, f"tasks/{TASK}/index.html")
    watched.page.get_by_role("link", name="step 3 L1").click()
    expect(watched.page.locator("#s3")).to_have_attribute("open", "")
    expect(watched.page.locator("[id='s3.c1']")).to_be_in_viewport()


def test_citations_work_without_scripts(chrome: Browser, site: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/trajectories/{TASK}/dry-finch.html#s3")
    expect(page.get_by_text("make: *** [test] Error 1")).to_be_visible()
    context.close()


def test_rows_can_be_filtered_and_walked_by_keyboard(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"trajectories/{TASK}/dry-finch.html")
    page.get_by_role("button", name="failed").click()
    expect(page.locator(".as-step:not([hidden])")).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator("#s3 > summary")).to_be_focused()
    page.keyboard.press("o")
    expect(page.locator("#s3")).to_have_attribute("open", "")
    page.keyboard.press("c")
    assert page.url.endswith("#s3")


def test_search_works_from_a_folder(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"trajectories/{TASK}/dry-finch.html")
    page.locator("[data-md-component=search-query]").click()
    page.keyboard.type("rationale bytes", delay=20)
    page.keyboard.press("Control+A")
    page.keyboard.type("words not bytes", delay=20)
    expect(page.locator(".md-search-result__item").first).to_be_visible()
    assert watched.external == []
    assert watched.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_pages_do_nothing(chrome: Browser, hostile_site: Path, scheme: str) -> None:
    context = chrome.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    watched = watch(context.new_page())
    for path in ALL_PAGES:
        watched.open(hostile_site, path)
        watched.page.evaluate("document.querySelectorAll('details').forEach(row => { row.open = true })")
        assert watched.page.evaluate("typeof window.pwned") == "undefined", path
        assert "{{7*7}}" in watched.page.content() or path in (*PLAIN, *TRAJECTORIES[:2]), path
    assert watched.external == []
    assert watched.complaints == []
    context.close()


@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_scrolls_sideways(chrome: Browser, hostile_site: Path, width: int) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for path in ALL_PAGES:
        page.goto(f"{hostile_site.as_uri()}/{path}")
        spill = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert spill <= 0, path
    context.close()
