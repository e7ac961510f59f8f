"""The log of a trajectory in a browser: chunks, places, finding, filters, keys, citations for a page around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import Watched, build_site
from tests.pages.example import TASK, make_workspace, step, write_attempt

pytestmark = pytest.mark.browser
LONG = f"trajectories/{TASK}/dry-finch.html"


@pytest.fixture(scope="module")
def long_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("long"))
    output = "".join(f"line {number} of the output\n" for number in range(1, 301))
    many = [step(1, "user", "Count words.")]
    many += [
        step(number, "agent", f"Say {number}.", f"echo {number}", output + f"end {number}\n") for number in range(2, 90)
    ]
    for number, made in enumerate(many[1:5]):
        made["metrics"] = {"prompt_tokens": 100 * number, "completion_tokens": 20}
    many[6]["tool_calls"][0]["arguments"] = {"command": "pytest -q"}
    write_attempt(root, "dry-finch", passed=(False, True), steps=many)
    thousand = [step(1, "user", "Count words.")]
    thousand += [step(number, "agent", f"Say {number}.", f"echo {number}", output) for number in range(2, 1001)]
    write_attempt(root, "calm-heron", steps=thousand)
    return build_site(root)


def test_a_thousand_rows_are_there_and_led_to(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, f"trajectories/{TASK}/calm-heron.html#s900.c1.L3")
    expect(page.locator("#s900 .as-mark")).to_be_in_viewport()
    expect(page.locator(".as-step")).to_have_count(1000)
    page.keyboard.press("j")
    expect(page.locator("#s901 summary")).to_be_focused()
    assert watched.complaints == []


def test_bars_are_as_long_as_steps_cost(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, LONG)
    bars = page.locator(".as-strip.as-has-tokens a")
    expect(bars).to_have_count(89)
    expect(bars.nth(4)).to_have_attribute("title", "5 run, 300 tokens in, 20 out: Say 5.")
    downs = [bars.nth(at).evaluate("bar => parseFloat(getComputedStyle(bar, '::after').height)") for at in (0, 2, 4)]
    assert downs[0] == 0
    assert downs[2] > 2 * downs[1] > 0
    expect(page.locator("#s5 summary")).to_contain_text("300 tokens in, 20 out")
    bars.nth(4).click()
    expect(page.locator("#s5")).to_have_attribute("open", "")
    assert watched.complaints == []


def test_a_row_loads_what_it_hides(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, LONG)
    row = page.locator("#s40")
    expect(row.locator(".as-body")).to_have_count(0)
    row.locator("summary").click()
    expect(row.locator(".as-body")).to_contain_text("end 40")
    assert len([url for url in watched.requests if "/c/" in url]) == 1
    assert watched.complaints == []
    assert watched.external == []


def test_an_address_leads_to_lines_in_a_chunk(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, f"{LONG}#s70.c1.L250-L252")
    expect(page.locator("#s70")).to_have_attribute("open", "")
    expect(page.locator("#s70 .as-mark")).to_be_in_viewport()
    box = page.locator("#s70 .as-mark").bounding_box()
    line = page.evaluate("parseFloat(getComputedStyle(document.querySelector('#s70 .as-gutter')).lineHeight)")
    assert box is not None
    assert abs(box["height"] - 3 * line) < 1
    page.evaluate("location.hash = '#s3'")
    expect(page.locator(".as-mark")).to_have_count(0)
    expect(page.locator("#s3 summary")).to_be_focused()


def test_finding_sees_what_is_not_loaded_and_the_address_keeps_it(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, LONG)
    page.get_by_label("find in this log").fill("end 77")
    expect(page.locator(".as-step:not([hidden])")).to_have_count(1)
    expect(page.get_by_text("1 hits in 1 steps")).to_be_visible()
    assert "find=end+77" in page.url
    page.reload()
    expect(page.locator("#s77")).to_be_visible()
    expect(page.locator(".as-step:not([hidden])")).to_have_count(1)


def test_filters_are_in_the_address(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, LONG)
    page.get_by_role("button", name="tests", exact=True).click()
    expect(page.locator(".as-step:not([hidden])")).to_have_count(1)
    assert page.url.endswith("?f=tests")
    watched.open(long_site, f"{LONG}?f=user")
    expect(page.locator(".as-step:not([hidden])")).to_have_count(1)


def test_keys_walk_and_can_be_switched_off(watched: Watched, long_site: Path) -> None:
    page = watched.page
    watched.open(long_site, LONG)
    page.keyboard.press("?")
    expect(page.locator(".as-help")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#s2 summary")).to_be_focused()
    page.keyboard.press("o")
    expect(page.locator("#s2 .as-body")).to_contain_text("end 2")
    page.keyboard.press("G")
    expect(page.locator("#s89 summary")).to_be_focused()
    page.keyboard.press("\\")
    expect(page.get_by_label("find in this log")).to_be_focused()
    page.get_by_label("keys (? lists them)").uncheck()
    page.locator("#s2 summary").focus()
    page.keyboard.press("j")
    expect(page.locator("#s2 summary")).to_be_focused()


def test_a_page_around_is_handed_citations(chrome: Browser, long_site: Path, tmp_path: Path) -> None:
    around = tmp_path / "around.html"
    around.write_text(
        f"<iframe src='{(long_site / LONG).as_uri()}' width=1000 height=700></iframe><script>window.got = [];"
        "addEventListener('message', event => window.got.push(event.data));</script>",
        encoding="utf-8",
    )
    context = chrome.new_context()
    page = context.new_page()
    page.goto(around.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#s1 summary").focus()
    page.keyboard.press("i")
    frame.locator("#s5 summary").click()
    frame.locator("#s5 .as-call pre").first.select_text()
    frame.locator("#s5 .as-call pre").first.dispatch_event("mouseup")
    page.wait_for_timeout(200)
    got = page.evaluate("window.got")
    assert got[0] == {"assay": "cite", "alias": "dry-finch", "cite": "step:1", "quote": ""}
    assert got[-1]["cite"] == "step:5.c1"
    assert got[-1]["quote"] == "echo 5"
    frame.locator(".as-citebutton[data-cite^='test:']").first.click()
    frame.locator(".as-citebutton[data-cite^='diff:']").first.click()
    page.wait_for_timeout(200)
    frame.locator("#s5 .as-out pre").last.evaluate(
        "pre => { const text = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT).nextNode();"
        " const at = words => text.data.indexOf(words);"
        " getSelection().setBaseAndExtent(text, at('line 3 of'), text, at('line 5 of') + 4); }"
    )
    frame.locator("#s5 .as-out pre").last.dispatch_event("mouseup")
    frame.locator(".as-file[data-cite] > summary").first.focus()
    page.keyboard.press("i")
    page.wait_for_timeout(200)
    test, file, lines, focused = page.evaluate("window.got.slice(-4)")
    assert focused["cite"] == "diff:tally.sh"
    assert (lines["cite"], lines["quote"]) == ("step:5.c1#L3-L5", "line 3 of the output")
    assert test["cite"].startswith("test:count-words/")
    assert file["cite"] == "diff:tally.sh"
    context.close()


def test_without_scripts_a_long_log_leads_to_its_file(chrome: Browser, long_site: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{long_site.as_uri()}/{LONG}")
    expect(page.locator("#s89 .as-title")).to_contain_text("Say 89.")
    href = page.get_by_role("link", name="the log as a file").get_attribute("href")
    assert href is not None
    assert (long_site / f"trajectories/{TASK}" / href).is_file()
    context.close()
