"""A whole task graded in a browser, by keyboard and by mouse, into a file that `assay check` accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from assay.cli import main
from assay.documents import parse
from tests.browser.grading import PAGE, built
from tests.browser.watching import Watched
from tests.pages.example import TASK, write_text

pytestmark = pytest.mark.browser

RATIONALE = (
    "The final state of both milestones was read test by test and then compared with what the closing message says "
    "about the commands that were run before the work was handed over "
)
CITES = ("test:count-words/test_counts", "diff:skip.txt", 'diff:tally.sh "# words, not bytes"', "step:4")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("stages"), '[annotations]\nindependence = "sealed"\nstages = 2\n')


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.chdir(root)
    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        code = main(arguments)
    assert code == 0, said.getvalue()
    return said.getvalue()


def workspace_of(site: Path) -> Path:
    return site.parents[1]


def text_of(page: Page) -> str:
    page.get_by_role("tab", name="file").click()
    return page.locator(".as-gyaml").inner_text()


def downloaded(page: Page) -> str:
    page.get_by_role("tab", name="file").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="download").click()
    assert waiting.value.suggested_filename == "rater-2.yaml"
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def accepted(site: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `assay check` says of the file; without an error, or the test fails."""
    path = f"annotations/{TASK}/rater-2.yaml"
    write_text(workspace_of(site) / path, text)
    try:
        return run(workspace_of(site), monkeypatch, "check", path)
    finally:
        (workspace_of(site) / path).unlink()


def item(page: Page, criterion: str) -> Locator:
    return page.locator(f"[data-id={criterion}]")


def grade_by_keyboard(page: Page) -> None:
    for number, alias in enumerate(order(page)):
        for key, cite in zip("ynyu", CITES, strict=True):
            page.keyboard.press(key)
            page.keyboard.press("i")
            page.keyboard.insert_text(cite)
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
            if key == "u" or (key == "y" and alias == "dry-finch"):
                page.keyboard.press("m")
                page.keyboard.insert_text(f"attempt {number}: the record does not settle it")
                page.keyboard.press("Escape")
            page.keyboard.press("j")
        page.keyboard.press("r")
        page.keyboard.insert_text(f"{RATIONALE}[step:4]. It is number {number} [step:{number + 1}].")
        page.keyboard.press("Escape")
        page.keyboard.press("l")


def order(page: Page) -> list[str]:
    names = page.get_by_role("tab").all_inner_texts()
    return [name.split()[0] for name in names][:-2]


def test_a_task_is_graded_by_keyboard(watched: Watched, graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    first, second, third = order(page)
    grade_by_keyboard(page)
    last = page.locator(f"[data-chip={third}]")
    last.focus()
    page.keyboard.press("ArrowDown")
    page.locator(f"[data-chip={second}]").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".as-gtier")).to_have_text([f"1{first}", f"2{second}", f"3{third}"])
    page.keyboard.press("ArrowDown")
    expect(page.locator(".as-gtier")).to_have_text([f"1{first}", f"2{third}{second}"])
    page.keyboard.press("r")
    page.keyboard.insert_text(f"One ends with a closing message [{first} step:4], the others too [{second} step:4].")
    page.keyboard.press("Escape")
    expect(page.locator(".as-gsum")).to_contain_text("12 of 12 verdicts, 3 of 3 rationales, ranking given")
    page.get_by_label("agent of the guess").first.fill("none")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    text = downloaded(page)
    accepted(graded, text, monkeypatch)
    record = parse(text, "x.yaml")[0]
    assert record is not None
    assert record.data["ranking"] == [[first], [third, second]]
    assert record.data["grades"][first]["criteria"]["edits-tests"] == {"holds": False, "cites": [CITES[1]]}
    assert record.data["grades"][first]["identity_guess"] == {"agent": "none", "confidence": 0, "cue": ""}
    assert watched.external == []
    assert watched.complaints == []


def test_a_task_is_graded_by_mouse(watched: Watched, graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = watched.page
    watched.open(graded, PAGE)
    page.get_by_label("who grades").select_option("rater-2")
    names = order(page)
    for alias in names:
        page.get_by_role("tab", name=alias).click()
        for criterion in ("counts-right", "edits-tests", "small-diff", "says-what-ran"):
            holds = criterion == "counts-right" and alias != "dry-finch"
            item(page, criterion).get_by_role("button", name=str(holds).lower(), exact=True).click()
            page.frame_locator(f"iframe[title='log of {alias}']").locator("#s4 .as-line").click(click_count=3)
            expect(item(page, criterion).locator(".as-gplace")).to_have_text("step:4")
        quoted = item(page, "says-what-ran").locator("q")
        expect(quoted).to_have_text("I stop here." if alias != "brisk-otter" else re.compile("^Done. I ran make test"))
        page.get_by_label(f"the rationale of {alias}").fill(RATIONALE)
        page.frame_locator(f"iframe[title='log of {alias}']").locator("#s1 .as-line").click(click_count=3)
        expect(page.get_by_label(f"the rationale of {alias}")).to_have_value(
            RATIONALE + '[step:1 "Make `tally.sh` count words."]'
        )
    page.get_by_role("tab", name="ranking").click()
    page.locator("[data-chip=dry-finch]").drag_to(page.locator(".as-ggap").last)
    page.locator("[data-chip=calm-heron]").drag_to(page.locator(".as-gtier").last)
    expect(page.locator(".as-gtier")).to_have_text(["1brisk-otter", re.compile("^2dry-finch *calm-heron")])
    page.get_by_label("the comparison").click()
    page.frame_locator("iframe:visible").locator("#s4 .as-line").click(click_count=3)
    shown = page.locator("iframe:visible").get_attribute("title")
    expect(page.get_by_label("the comparison")).to_have_value(re.compile(rf"^\[{(shown or '').split()[-1]} step:4 "))
    accepted(graded, downloaded(page), monkeypatch)
    assert watched.complaints == []


def test_a_fresh_file_is_that_of_the_command(watched: Watched, graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for handle in ("rater-1", "rater-2"):
        run(workspace_of(graded), monkeypatch, "new", "annotation", TASK, "--by", handle)
        path = workspace_of(graded) / f"annotations/{TASK}/{handle}.yaml"
        watched.open(graded, f"{PAGE}?by={handle}")
        assert text_of(watched.page) == path.read_text(encoding="utf-8")
        path.unlink()


def test_a_reload_keeps_the_work_and_an_import_goes_on(
    watched: Watched, chrome: Browser, graded: Path, tmp_path: Path
) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    grade_by_keyboard(page)
    before = text_of(page)
    page.reload()
    expect(page.locator(".as-gsum")).to_contain_text("12 of 12 verdicts")
    assert text_of(page) == before
    file = tmp_path / "begun.yaml"
    file.write_text(before, encoding="utf-8")
    context = chrome.new_context()
    other = context.new_page()
    other.goto(f"{graded.as_uri()}/{PAGE}")
    other.get_by_label("a started file").set_input_files(file)
    expect(other.locator(".as-gsum")).to_contain_text("12 of 12 verdicts, 3 of 3 rationales")
    assert text_of(other) == before
    context.close()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (f"task: {TASK}", "task: another", "it grades `another`"),
        ("annotator: rater-2", "annotator: rater-9", "`rater-9` is no annotator"),
        ("counts-right:", "counts-wrong:", "the rubric has no `counts-wrong`"),
        ("  brisk-otter:\n", "  other-otter:\n", "it grades other attempts"),
        ("holds: unclear", "holds: maybe", "the verdict on `"),
        ("format: 1", "format: &one 1", "line 4: `&` is not read here"),
    ],
)
def test_what_is_no_file_of_this_task_is_refused(
    watched: Watched, graded: Path, tmp_path: Path, old: str, new: str, why: str
) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    page.keyboard.press("y")
    file = tmp_path / "begun.yaml"
    file.write_text(text_of(page).replace(old, new), encoding="utf-8")
    page.get_by_label("a started file").set_input_files(file)
    expect(page.locator(".as-gsays")).to_contain_text(f"begun.yaml is not taken: {why}")
    expect(page.locator(".as-gsum")).to_contain_text("1 of 12 verdicts")


def test_a_wrong_citation_is_shown(watched: Watched, graded: Path) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    for cite, why in (
        ("step:9", "there is no step 9, there are 4"),
        ("step:3.c2", "step 3 has 1 call"),
        ("diff:nothing.py", "it changes `tally.sh`, `skip.txt`"),
        ("test:count-words/test_other", "has no test `test_other`"),
        ("stp:4", "a citation starts with"),
        ("step:4 'words'", "straight"),
    ):
        page.keyboard.press("i")
        page.keyboard.insert_text(cite)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(item(page, "counts-right").locator(".as-gwhy").last).to_contain_text(why)
    expect(page.locator(".as-gsum")).to_contain_text("6 problems")
    page.get_by_role("button", name="take out stp:4").click()
    expect(page.locator(".as-gsum")).to_contain_text("5 problems")


@pytest.mark.parametrize(
    "grade",
    [
        "{holds: true}",
        "{holds: false, cites: []}",
        "{holds: unclear, note: ''}",
        "{holds: true, cites: ['step:4'], note: ' x '}",
    ],
)
def test_what_was_given_stays_as_it_was_sealed(watched: Watched, staged: Path, tmp_path: Path, grade: str) -> None:
    page = watched.page
    watched.open(staged, f"{PAGE}?by=rater-1")
    page.get_by_role("tab", name="file").click()
    page.get_by_role("button", name="The first stage is sealed").click()
    begun = text_of(page).replace(
        "counts-right: {holds: unclear, cites: [], note: not graded yet}", f"counts-right: {grade}"
    )
    file = tmp_path / "draft.yaml"
    file.write_text(begun, encoding="utf-8")
    page.get_by_label("a started file").set_input_files(file)
    expect(page.locator(".as-gsays")).to_contain_text("Read.")
    assert text_of(page).replace("'", '"').replace('""', "''") == begun.replace("'", '"').replace('""', "''")


def test_hostile_data_do_nothing(watched: Watched, tmp_path: Path) -> None:
    site = built(tmp_path, hostile=True)
    page = watched.page
    watched.open(site, f"{PAGE}?by=rater-2")
    for tab in range(5):
        page.get_by_role("tab").nth(tab).click()
        page.wait_for_timeout(200)
    assert page.evaluate("typeof window.pwned") == "undefined"
    assert "{{7*7}}" in page.content()
    assert watched.external == []
    assert watched.complaints == []


@pytest.fixture
def served(graded: Path) -> Iterator[str]:
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(graded)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_works_from_a_server_too(watched: Watched, served: str) -> None:
    page = watched.page
    page.goto(f"{served}/{PAGE}?by=rater-2")
    page.frame_locator("iframe:visible").locator("#s4 .as-line").click(click_count=3)
    expect(item(page, "counts-right").locator(".as-gplace")).to_have_text("step:4")
    item(page, "counts-right").locator(".as-gplace").click()
    expect(page.frame_locator("iframe:visible").locator("#s4")).to_be_in_viewport()
    assert watched.complaints == []


def test_two_windows_do_not_overwrite_each_other(watched: Watched, graded: Path) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    page.keyboard.press("y")
    page.wait_for_timeout(500)  # it keeps what was done after a moment without keys
    other = page.context.new_page()
    other.goto(page.url)
    other.keyboard.press("j")
    other.keyboard.press("n")
    expect(other.locator(".as-gsum")).to_contain_text("2 of 12 verdicts")
    expect(page.locator(".as-gsays")).to_contain_text("Another window grades this task")
    page.keyboard.press("u")
    page.reload()
    expect(page.locator(".as-gsum")).to_contain_text("2 of 12 verdicts")
    expect(item(page, "counts-right").locator("[aria-pressed=true]")).to_have_text("true")


def test_keys_can_be_turned_off(watched: Watched, graded: Path) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    page.keyboard.press("?")
    page.get_by_label("keys").last.uncheck()
    page.keyboard.press("y")
    expect(page.locator(".as-gsum")).to_contain_text("0 of 12 verdicts")


def test_open_steps_and_their_calls_are_cited_by_a_button(watched: Watched, graded: Path) -> None:
    page = watched.page
    watched.open(graded, f"{PAGE}?by=rater-2")
    page.get_by_role("tab").first.click()
    page.locator(".as-gitem").first.click()
    frame = page.frame_locator("iframe:visible")
    row = frame.locator("#s3")
    if row.get_attribute("open") is None:
        row.locator("summary").click()
    for name in ("cite step:3", "cite step:3.c1"):
        button = row.get_by_role("button", name=name, exact=True)
        button.focus()
        button.press("Enter")
    text = page.locator(".as-gcites").first
    expect(text).to_contain_text("step:3.c1")
    row.locator("summary").click()
    row.locator("summary").click()
    expect(row.locator(".as-citebutton")).to_have_count(2)
    assert watched.complaints == []


def test_two_stages(watched: Watched, staged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, root = watched.page, workspace_of(staged)
    watched.open(staged, f"{PAGE}?by=rater-2")
    run(root, monkeypatch, "new", "annotation", TASK, "--by", "rater-2")
    draft = root / f"annotations/{TASK}/drafts/rater-2.yaml"
    assert text_of(page) == draft.read_text(encoding="utf-8")
    page.get_by_role("tab").first.click()
    expect(page.locator(".as-gitem")).to_have_count(2)
    frame = page.frame_locator("iframe:visible")
    expect(frame.locator("#tests")).to_be_attached()
    expect(frame.locator("#s4")).to_be_hidden()
    for alias in order(page):
        page.get_by_role("tab", name=alias).click()
        item(page, "counts-right").get_by_role("button", name="true", exact=True).click()
        page.keyboard.press("i")
        page.keyboard.insert_text("step:4")
        page.keyboard.press("Enter")
        expect(item(page, "counts-right").locator(".as-gwhy")).to_have_text("the first stage cites no step")
    page.get_by_role("tab", name="file").click()
    expect(page.locator(".as-gform")).to_contain_text(f"assay seal {TASK} --by rater-2 --stage 1")
    expect(page.locator(".as-gforge")).to_have_count(0)
    page.get_by_role("button", name="The first stage is sealed").click()
    expect(page.locator(".as-gitem")).to_have_count(4)
    expect(item(page, "counts-right").get_by_role("button", name="false")).to_be_disabled()
    page.keyboard.press("n")
    expect(item(page, "counts-right").locator("[aria-pressed=true]")).to_have_text("true")
    expect(page.frame_locator("iframe:visible").locator("#s4")).to_be_visible()
