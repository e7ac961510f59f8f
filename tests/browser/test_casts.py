"""Recordings in a browser: played, led to a place by keyboard, and inert, from a folder and from a server."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.watching import Watched, build_site, watch
from tests.pages.example import TASK, make_workspace
from tests.pages.hostile import ATTACK
from tests.pages.test_casts import add_run, recorded

pytestmark = pytest.mark.browser
PAGE = f"trajectories/{TASK}/calm-heron.html"
BARS = [[0.1 * number, "o", f"\r{number * 10} %\x1b[K"] for number in range(10)]
TESTS = [[number / 10, "o", f"line {number}\r\n"] for number in range(9)]
EVENTS = [
    [0, "o", "\x1b[31mbegun\x1b[0m\r\n"],
    *BARS,
    [1, "o", "\r\x1b[?1049h\x1b[Hediting"],
    [60, "o", "\x1b[?1049l\r\nover"],
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("casts"))
    add_run(root, recorded(EVENTS))
    add_run(root, recorded([[0, "o", ATTACK], [1, "o", "\r\n<img src=x onerror=window.pwned=1>"]]), number=2)
    (root / f"trajectories/{TASK}/calm-heron/tests/count-words.cast").write_bytes(recorded(TESTS))
    return build_site(root)


def opened(watched: Watched, played: Path, run: str = "r-rater-1-01") -> Locator:
    watched.open(played, f"{PAGE}#{run}")
    return watched.page.locator(f"#{run}")


def test_it_plays_to_the_end_when_asked(watched: Watched, played: Path) -> None:
    run = opened(watched, played)
    screen = run.locator(".as-screen")
    expect(run.get_by_text("out", exact=True)).to_be_visible()
    expect(screen).to_have_count(0)
    assert not [url for url in watched.requests if "/casts/" in url]
    run.get_by_label("speed").select_option("8")
    run.get_by_role("button", name="play the recording of run 01").click()
    expect(screen).to_contain_text("over")
    expect(screen.locator("> span")).to_have_text(["begun", "90 %", "over"])
    expect(screen.locator(".as-c-red")).to_have_text("begun")
    expect(run.get_by_role("button")).to_have_text("play")
    assert len([url for url in watched.requests if "/casts/" in url]) == 1
    assert watched.complaints == []
    assert watched.external == []


def test_a_place_is_reached_by_keyboard_alone(watched: Watched, played: Path) -> None:
    run = opened(watched, played)
    slider = run.get_by_role("slider")
    screen = run.locator(".as-screen > span")
    slider.focus()
    watched.page.keyboard.press("End")
    expect(screen).to_have_text(["begun", "90 %", "over"])
    expect(slider).to_have_attribute("aria-valuetext", "0:03 of 0:03")
    watched.page.keyboard.press("ArrowLeft")
    expect(screen).to_have_text(["editing", "", ""])
    watched.page.keyboard.press("Home")
    expect(screen).to_have_text(["begun", "0 %", ""])
    watched.page.keyboard.press("Shift+Tab")
    watched.page.keyboard.press("Space")
    expect(run.get_by_role("button")).to_have_text("pause")
    watched.page.keyboard.press("Space")
    expect(run.get_by_role("button")).to_have_text("play")
    expect(screen.last).to_have_text("")
    assert watched.complaints == []


def test_it_plays_from_a_server_too(watched: Watched, played: Path) -> None:
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(played)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    watched.page.goto(f"http://127.0.0.1:{server.server_port}/{PAGE}#t-count-words")
    bar = watched.page.get_by_role("group", name="recording of the tests of count-words")
    bar.get_by_role("button").click()
    rows = watched.page.get_by_label("screen of the tests of count-words", exact=True).locator("> span")
    expect(rows).to_have_text([f"line {number}" for number in range(4, 9)])
    server.shutdown()
    server.server_close()
    assert watched.complaints == []


def test_an_attack_on_the_screen_is_text(watched: Watched, played: Path) -> None:
    run = opened(watched, played, "r-rater-1-02")
    run.get_by_role("slider").press("End")
    expect(run.locator(".as-screen")).to_contain_text("<img src=x")
    assert run.locator(".as-screen :not(span)").count() == 0
    assert watched.page.evaluate("window.pwned") is None
    assert watched.complaints == []
    assert watched.external == []


def test_who_wants_no_motion_sees_the_end_first(chrome: Browser, played: Path) -> None:
    context = chrome.new_context(reduced_motion="reduce")
    run = opened(watch(context.new_page()), played)
    run.get_by_role("button").click()
    expect(run.locator(".as-screen > span")).to_have_text(["begun", "90 %", "over"])
    expect(run.get_by_role("button")).to_have_text("play")
    context.close()


def test_without_scripts_and_on_paper_there_is_the_output(chrome: Browser, played: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    run = opened(watch(context.new_page()), played)
    expect(run.locator(".as-cast")).to_be_hidden()
    expect(run.get_by_text("out", exact=True)).to_have_count(1)
    context.close()
    context = chrome.new_context()
    watched = watch(context.new_page())
    run = opened(watched, played)
    expect(run.locator(".as-cast")).to_be_visible()
    watched.page.emulate_media(media="print")
    expect(run.locator(".as-cast")).to_be_hidden()
    expect(run.get_by_text("out", exact=True)).to_be_visible()
    context.close()
