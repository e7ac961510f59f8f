"""Attempts side by side in a browser: chosen by address or by hand, with the first divergence marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.watching import Watched
from tests.pages.example import TASK

pytestmark = pytest.mark.browser

PAGE = f"compare/{TASK}.html"


def cells(row: Locator) -> list[str]:
    return [text.strip() for text in row.locator("td").all_inner_texts()]


def test_two_attempts_stand_side_by_side(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"tasks/{TASK}/index.html")
    page.get_by_role("link", name="Side by side").click()
    expect(page.locator(".as-sides thead th")).to_have_count(2)
    first = page.locator("#divergence")
    expect(first).to_have_count(1)
    one, other = cells(first)
    assert one != other
    before = first.locator("xpath=preceding-sibling::tr[contains(@class, 'as-differs')]")
    expect(before).to_have_count(0)
    page.get_by_role("button", name="first divergence").click()
    expect(first).to_be_focused()
    page.get_by_role("button", name="only differences").click()
    expect(page.locator(".as-sides tbody tr:not(.as-differs):not(.as-pinned) td").first).to_be_hidden()
    assert watched.complaints == []
    assert watched.external == []


def test_the_address_and_the_hand_choose(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"{PAGE}?a=dry-finch&b=brisk-otter&c=calm-heron")
    heads = page.locator(".as-sides thead th a")
    expect(heads).to_have_text(["dry-finch", "brisk-otter", "calm-heron"])
    page.get_by_label("third").select_option("none")
    expect(heads).to_have_text(["dry-finch", "brisk-otter"])
    expect(page.get_by_label("third")).to_be_focused()
    assert page.url.endswith("?a=dry-finch&b=brisk-otter")
    page.locator(".as-sides .as-n").first.click()
    assert "/trajectories/" in page.url
    assert page.url.endswith("#s1")


def test_all_steps_are_there_once(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"{PAGE}?a=brisk-otter&b=dry-finch")
    for column, alias in enumerate(("brisk-otter", "dry-finch"), 1):
        numbers = page.locator(f".as-sides tbody td:nth-child({column}) .as-n")
        told = int((page.locator(f".as-sides thead th:nth-child({column}) .as-quiet").inner_text()).split()[0])
        expect(numbers).to_have_text([str(number) for number in range(1, told + 1)])
        assert page.locator(".as-sides thead th").nth(column - 1).inner_text().startswith(alias)


def test_what_was_said_follows_the_choice(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"{PAGE}?a=brisk-otter&b=calm-heron")
    expect(page.locator('.as-said[data-alias="brisk-otter"]')).to_be_visible()
    expect(page.locator('.as-said[data-alias="dry-finch"]')).to_be_hidden()


def test_without_scripts_everything_but_the_alignment_is_there(chrome: Browser, site: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{PAGE}")
    expect(page.locator(".as-unscripted")).to_contain_text("Without scripts, read them one by one")
    expect(page.get_by_role("heading", name="Tests on which they differ")).to_be_visible()
    context.close()
