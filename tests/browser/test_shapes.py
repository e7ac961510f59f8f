"""The same pages on paper, on a phone and when scrolled: nothing is lost, and heads stay in sight."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.watching import Watched, build_site
from tests.pages.example import TASK, make_workspace, step, write_attempt

pytestmark = pytest.mark.browser
LOG = f"trajectories/{TASK}/dry-finch.html"
LONG_ALIAS = "unmistakably-persimmon-coloured-tamarin-of-the-north"
PAPER = {"width": 690, "height": 1000}  # A4 within its margins, in CSS pixels
OUTSIDE = """
    [...document.querySelectorAll('.md-content pre, .md-content td, .md-content p, .md-content h2')]
      .filter(each => each.checkVisibility())
      .filter(each => { const range = document.createRange(); range.selectNodeContents(each);
                        return range.getBoundingClientRect().right > innerWidth + 1; })
      .map(each => each.className + ' ' + each.textContent.slice(0, 60))
"""


@pytest.fixture(scope="module")
def broad_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("broad"))
    steps = [
        step(1, "user", "Count words."),
        step(2, "agent", "I look.", "cat wide.txt", f"short\n{'word ' * 60}last\n"),
        step(3, "agent", "I look again.", f"echo {'x' * 400}", "one\ntwo\n"),
        step(4, "agent", "Done."),
    ]
    write_attempt(root, "dry-finch", steps=steps)
    output = "".join(f"line {number} of the output\n" for number in range(300))
    many = [step(number, "agent", f"Say {number}.", f"echo {number}", output) for number in range(2, 91)]
    write_attempt(root, "calm-heron", steps=[step(1, "user", "Count words."), *many])
    (root / f"trajectories/{TASK}/brisk-otter").rename(root / f"trajectories/{TASK}/{LONG_ALIAS}")
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    sheet.write_text(sheet.read_text().replace("brisk-otter", LONG_ALIAS))
    return build_site(root)


def printed(chrome: Browser, site: Path, path: str) -> Page:
    page = chrome.new_page(viewport={"width": PAPER["width"], "height": PAPER["height"]})
    page.goto(f"{site.as_uri()}/{path}")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    return page


def test_on_paper_every_row_is_open_and_long_lines_are_wrapped(chrome: Browser, broad_site: Path) -> None:
    page = printed(chrome, broad_site, LOG)
    expect(page.locator("#s2 .as-out")).to_contain_text("last")
    expect(page.locator(".as-step[data-cite]:not([open])")).to_have_count(0)
    expect(page.locator("#s2 .as-gutter")).to_be_hidden()
    expect(page.locator("#s3 .as-out .as-gutter")).to_be_visible()
    expect(page.locator(".as-on-paper")).to_be_hidden()
    assert page.evaluate(OUTSIDE) == []
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#s2")).not_to_have_attribute("open", "")
    page.close()


def test_on_paper_a_long_log_says_what_is_not_there(chrome: Browser, broad_site: Path) -> None:
    page = printed(chrome, broad_site, f"trajectories/{TASK}/calm-heron.html")
    expect(page.locator(".as-on-paper")).to_be_visible()
    page.emulate_media(media="screen")
    expect(page.locator(".as-on-paper")).to_be_hidden()
    page.get_by_role("button", name="open all").click()
    expect(page.locator("#s90 > .as-body")).to_be_visible()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".as-on-paper")).to_be_hidden()
    page.close()


@pytest.mark.parametrize("path", ["ranking.html", f"tasks/{TASK}/index.html", f"compare/{TASK}.html"])
def test_on_paper_nothing_is_cut_off(chrome: Browser, broad_site: Path, path: str) -> None:
    page = printed(chrome, broad_site, path)
    assert page.evaluate(OUTSIDE) == []
    page.close()


def test_heads_of_long_tables_stay_in_sight(watched: Watched, site: Path) -> None:
    page = watched.page
    page.set_viewport_size({"width": 1280, "height": 300})
    watched.open(site, f"tasks/{TASK}/index.html")
    row = page.locator(".as-grades tbody tr").last
    row.evaluate("each => scrollTo(0, scrollY + each.getBoundingClientRect().top - 100)")
    expect(page.locator(".as-grades thead th").first).to_be_in_viewport()
    expect(row).to_be_in_viewport()


def test_a_phone_shows_two_attempts_side_by_side(chrome: Browser, site: Path) -> None:
    page = chrome.new_page(viewport={"width": 360, "height": 800})
    page.goto(f"{site.as_uri()}/compare/{TASK}.html")
    expect(page.locator(".as-sides thead th").nth(1)).to_be_visible()
    assert page.locator(".as-scroll").evaluate("each => each.scrollWidth <= each.clientWidth")
    page.close()
