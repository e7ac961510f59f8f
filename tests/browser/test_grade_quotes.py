"""Quotes on the page for grading: the same verdict as that of the rules, and the page says it while one types."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from assay.evidence import Evidence, parse_citation, resolve, weak
from assay.evidence.grammar import Citation
from assay.evidence.resolution import final_patch
from assay.pages import grade_data, grade_texts, links
from assay.patches import parse_patch
from assay.workspace import Attempt, load
from tests.browser.grading import PAGE
from tests.browser.watching import Watched
from tests.pages.example import PATCH, TASK, make_workspace, step, write_attempt

pytestmark = pytest.mark.browser

ODD = (
    "\x1b[31mred\x1b[0m and \x1b]8;;http://x\x07linked\x1b]8;;\x07 text\r\nprogress 10%\rprogress 100% of it all\n",
    "\u201cquoted\u201d \u2014 it\u2019s `code` \\_under\\* \ufb01ne\u2026 and then ... more .... dots\n",
    "caf\u00e9 cafe\u0301 \uff21\uff22 \u00bd \u2126 \u1e9b\u0323 a\u00a0b\u2003c\u3000d\u200be\ufefff\n",
    "one\x0btwo\x0cthree\x1cfour\x85five\u2028six\u2029seven\x1feight\x00nine\n\n  last line without end",
    "\U0001f600\U0001f600smile\U0001d400bold \U0001f600\U0001f600smile\U0001f600 \U0001d400 \ue000 a [...] [\u2026] b",
)
PIECES = (" ", "\n", "...", " \u2026 ", "[...]", "`", "\u201c", '"', "\u2013", "\\_", "word", "x", "\x1b[1m", "\ufeff")


def odd_steps() -> list[dict[str, Any]]:
    """What no log of the example has: odd characters, several calls, results of nobody, arguments that are no text."""
    steps = [step(number, "agent", text, f"echo {text}", text * 2) for number, text in enumerate(ODD, 1)]
    several = step(6, "agent", "Two at once.", "cat a", "first output of two\n")
    several["reasoning_content"] = "I think that both can be read at once."
    several["tool_calls"].append(
        {"tool_call_id": "other", "function_name": "edit", "arguments": {"path": "a", "n": [1, {"\u00e9": None}]}}
    )
    for result in several["observation"]["results"]:
        del result["source_call_id"]
    several["observation"]["results"].append({"content": "second output of two\n"})
    stray = step(7, "agent", "", "true", "mine\n")
    stray["observation"]["results"].append({"content": [{"type": "text", "text": "of nobody at all"}]})
    return [*steps, several, stray, step(8, "agent", "The end of it.")]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Attempt:
    root = make_workspace(tmp_path_factory.mktemp("odd"))
    renamed = "diff --git a/old.txt b/new.txt\nrename from old.txt\nrename to new.txt\n--- a/old.txt\n+++ b/new.txt\n"
    renamed += "@@ -1,2 +1,2 @@\n same `line`\n-was \u201cthis\u201d\n+is  that\n@@ -9 +9 @@\n-no end\n"
    renamed += "\\ No newline at end of file\n+an end\n"
    write_attempt(root, "calm-heron", steps=odd_steps(), patch=PATCH + renamed, passed=(True, False))
    return load(root).attempts[TASK]["calm-heron"]


@pytest.fixture(scope="module")
def page(chrome: Browser, graded: Path) -> Iterator[Page]:
    opened = chrome.new_page()
    opened.goto(f"{graded.as_uri()}/{PAGE}")
    yield opened
    opened.close()


def places(attempt: Attempt, chosen: random.Random) -> Iterator[str]:
    """Citations of everything there is, and of lines of it."""
    steps = attempt.trajectory.record.steps if attempt.trajectory else []
    for one in steps if len(steps) < 20 else chosen.sample(steps, 12):
        yield f"step:{one.step_id}"
        lines = one.text.removesuffix("\n").count("\n") + 1 if one.text else 0
        if lines:
            yield f"step:{one.step_id}#L{chosen.randint(1, lines)}"
        for number, _ in enumerate(one.tool_calls or (), 1):
            yield f"step:{one.step_id}.c{number}"
            yield f"step:{one.step_id}.c{number}#L1-L2"
    patch = final_patch(attempt)
    for file in parse_patch(patch[1]) if patch else ():
        yield from (f"diff:{file.path}", f"diff:{file.old_path}", f"file:{file.path}")
        if shown := sorted(file.new_lines()):
            yield f"file:{file.path}#L{shown[0]}-L{shown[-1]}"
            yield f"file:{file.path}#L{chosen.choice(shown)}"
    for milestone, entry in attempt.reports.items():
        yield f"test:{milestone}"
        yield from (links.cite("test", f"{milestone}/{test.name}") for test in entry.record.tests[:3])


def quotes(evidence: Evidence, chosen: random.Random) -> Iterator[str]:
    """Pieces of what stands there, whole, glued with what comes later, and with something put in or left out."""
    text = chosen.choice(evidence.parts) if evidence.parts else "nothing"
    start = chosen.randrange(max(1, len(text)))
    piece = text[start : start + chosen.randint(1, 60)]
    yield piece
    yield f"{piece} ... {evidence.text[-20:]}"
    at = chosen.randrange(len(piece) + 1)
    yield piece[:at] + chosen.choice(PIECES) + piece[at:]
    yield piece[:at] + piece[at + 1 :]
    yield chosen.choice(text.splitlines() or [""])
    yield text[start : start + chosen.randint(18, 21)]


def verdict(evidence: Evidence, kind: str, quote: str) -> str:
    if not evidence.contains(quote):
        return "missing"
    return "weak" if kind != "test" and weak(quote) and not evidence.has_line(quote) else "found"


LOOK = """([given, attempt, scripts]) => {
  const chunks = scripts.map(text => JSON.parse(text));
  return given.map(([place, quote]) => {
    const item = { ...assayFile.citation(place), quote };
    return assayQuotes.verdict(item, attempt, chunks[assayQuotes.chunkOf(item, attempt)]);
  });
}"""


def data_of(script: str) -> str:
    """The data in a script with texts, without its name."""
    inner = script.partition("__assayTexts(...")[2].removesuffix(");\n")
    return json.dumps(json.loads(inner)[1])


def compared(page: Page, attempt: Attempt, seed: int, rounds: int) -> Counter[str]:
    """How often each verdict was given; by both, or the test fails."""
    chosen = random.Random(seed)
    given, wanted = [], []
    for place in [place for _ in range(rounds) for place in places(attempt, chosen)]:
        citation = parse_citation(place)
        assert isinstance(citation, Citation), place
        evidence = resolve(citation, attempt)
        if isinstance(evidence, Evidence):
            for quote in quotes(evidence, chosen):
                given.append((place, quote))
                wanted.append(verdict(evidence, citation.kind, quote))
    scripts = [data_of(script) for script in grade_texts.files(attempt).values()]
    found = page.evaluate(LOOK, [given, grade_data.of_attempt(attempt), scripts])
    for (place, quote), mine, theirs in zip(given, wanted, found, strict=True):
        assert theirs == mine, (place, quote)
    return Counter(wanted)


def test_the_page_says_of_a_quote_what_the_rules_say(page: Page, odd: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = compared(page, odd, 1, 8)
    assert min(seen[name] for name in ("found", "missing", "weak")) > 100, seen
    monkeypatch.setattr(grade_texts, "LIMIT", 200)
    assert len(grade_texts.files(odd)) > 3
    compared(page, odd, 2, 2)


ATTEMPTS: Sequence[Attempt] = [
    attempt for task in load(Path(__file__).parents[2]).attempts.values() for attempt in task.values()
]


def test_the_same_holds_for_real_logs(page: Page) -> None:
    seen = sum((compared(page, attempt, 3, 1) for attempt in ATTEMPTS[:6]), Counter[str]())
    assert seen["found"] > 200, seen


def test_a_quote_is_looked_for_while_it_is_written(watched: Watched, graded: Path) -> None:
    watched.open(graded, f"{PAGE}?by=rater-2")
    _cites(watched.page)
    assert watched.external == []
    assert watched.complaints == []


def _cites(page: Page) -> None:
    alias = page.get_by_role("tab").first.inner_text().split()[0]
    said = page.locator(".as-gcites .as-gwhy, .as-gcites .as-quiet")
    for cite, why in (
        ('step:3.c1 "2 tests 2 passed at once"', "the quote is not found at that place"),
        ('step:1 "count"', "a short quote counts only as a whole line"),
        ('step:1 "Make tally.sh ... words."', ""),
        ('run:1 "some words of a run"', "not checked here"),
    ):
        page.keyboard.press("i")
        page.keyboard.insert_text(cite)
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        expect(said.last).to_have_text(why)
    expect(page.locator(".as-gsum")).to_contain_text("1 problem")
    text = page.get_by_label(f"the rationale of {alias}")
    text.fill('Nothing of it stands there [diff:skip.txt "words that nobody wrote"].')
    odd = page.locator(".as-gtext .as-godd")
    expect(odd).to_contain_text("the quote is not found at that place")
    text.fill('It stands there [diff:skip.txt "+the +a"].')
    expect(odd).not_to_contain_text("not found")


def test_without_its_texts_a_quote_is_not_checked(watched: Watched, graded: Path, tmp_path: Path) -> None:
    site = Path(shutil.copytree(graded, tmp_path / "site"))
    for script in (site / f"grade/{TASK}").rglob("*.js"):
        script.unlink()
    page = watched.page
    watched.open(site, f"{PAGE}?by=rater-2")
    page.keyboard.press("i")
    page.keyboard.insert_text('step:1 "words that nobody wrote"')
    page.keyboard.press("Enter")
    expect(page.locator(".as-gcites .as-quiet")).to_have_text("not checked here")
    expect(page.locator(".as-gsum")).not_to_contain_text("problem")
