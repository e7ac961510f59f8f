"""What the page for grading reads and writes: YAML and citations mean there what they mean to `assay check`."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from assay.documents import parse
from assay.evidence import Evidence, find_citations, parse_citation, resolve
from assay.evidence.grammar import Citation
from assay.workspace import load
from tests.browser.grading import PAGE
from tests.pages.example import ALIASES, TASK

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(chrome: Browser, graded: Path) -> Iterator[Page]:
    """One for all tests here: they ask what the functions make of a text, and change nothing."""
    opened = chrome.new_page()
    opened.goto(f"{graded.as_uri()}/{PAGE}")
    opened.evaluate("assayLoad('../assets/assay/grade-file.js')")
    yield opened
    opened.close()


ROOT = Path(__file__).parents[2]
LIKE_PEOPLE = [
    *sorted(ROOT.glob("annotations/*/rater-*.yaml")),
    ROOT / "annotations/people.yaml",
]


@pytest.mark.parametrize("file", LIKE_PEOPLE, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_files_that_people_wrote_are_read_alike(page: Page, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    wanted = parse(text, "x.yaml")[0]
    assert wanted is not None
    assert page.evaluate("text => assayFile.read(text)", text) == wanted.data


ODD = (
    "a: &x 1",
    "a: *x",
    "a: !t 1",
    "a: >\n  b",
    "a: [b,\n  c]",
    "a: b\n  c",
    "\ta: 1",
    "a: 1\na: 2",
    "a",
    "? a\n: b",
    "---\na: 1",
)
ODD_TOO = ("- a\nb: 1", "a: 'b", 'a: "b', "a: {b: 1", "a: [b", "a:\n    b: 1\n  c: 2", "a: @b", "a: %b", "a: b: c")


@pytest.mark.parametrize("text", [*ODD, *ODD_TOO])
def test_yaml_that_is_not_read_is_refused(page: Page, text: str) -> None:
    said = page.evaluate("text => { try { return assayFile.read(text) } catch (error) { return error.message } }", text)
    assert re.match(r"line \d+: ", str(said)), said


TEXTS = (
    "plain",
    "",
    "x: y",
    "# no",
    "- a",
    "a # b",
    "'",
    '"',
    "\\",
    "both ' and \"",
    "tab\there",
    "two\nlines",
    "\u2028",
    "é",
    "\x7f",
    "yes",
)
TEXTS_TOO = (
    "1e3",
    "null",
    " lead",
    "trail ",
    "{a}",
    "[b]",
    "a: 'b'",
    "a\ufeffb",
    "not graded yet",
    "🙂",
    "\x85x",
    "@",
    "`x`",
    "%",
)


def test_what_is_written_is_read_alike_by_both(page: Page) -> None:
    for text in (*TEXTS, *TEXTS_TOO):
        wanted = [text.strip(), f"a {text} b"]
        made = page.evaluate(WRITE, wanted)
        found = parse(made, "x.yaml")[0]
        assert found is not None, made
        graded_one = found.data["grades"]["brisk-otter"]
        assert graded_one["criteria"]["counts-right"]["cites"] == wanted, made
        assert graded_one["criteria"]["counts-right"].get("note", "") == text.strip(), made
        assert page.evaluate("text => assayFile.read(text)", made) == found.data, made
        assert graded_one["rationale"].strip() == "\n".join(wanted).strip(), made


WRITE = """cites => {
  const data = JSON.parse(document.getElementById("as-grade-data").textContent), by = "rater-2", grades = {};
  for (const alias of data.people[by].order) {
    const criteria = {};
    for (const item of data.criteria) criteria[item.id] = { holds: true, cites, note: cites[0] };
    const guess = { agent: "none", confidence: 0.5, cue: cites[1] };
    grades[alias] = { rationale: cites.join("\\n"), criteria, guess };
  }
  return assayFile.write(data, { by, grades, ranking: [data.people[by].order], comparison: cites[1], minutes: "7" }, 2);
}"""


def citation_texts() -> list[str]:
    """Texts like citations, most of them with a fault."""
    chosen, pieces = (
        random.Random(8),
        ("[", "]", "step:", "test:", "diff:", "run:", "file:", "calm-heron ", "3", "03", ".c1", "#L2", "-L3"),
    )
    more = (
        ' "some words"',
        '"a/b[1]"',
        '"',
        "\\",
        " ",
        "tally.sh",
        "count-words/test_counts",
        "“",
        "\n",
        "/",
        "step 4",
        "x",
    )
    return ["".join(chosen.choices([*pieces, *more], k=chosen.randint(2, 9))) for _ in range(3000)]


def test_citations_are_read_alike(page: Page) -> None:
    texts = citation_texts()
    look = """texts => texts.map(text =>
      [assayFile.citations(text).map(item => !item.reason), !assayFile.citation(text).reason])"""
    made = page.evaluate(look, texts)
    for text, (running, alone) in zip(texts, made, strict=True):
        found, malformed = find_citations(text)
        wanted = sorted([(one.start, True) for one in found] + [(one.start, False) for one in malformed])
        assert running == [good for _, good in wanted], text
        assert alone is isinstance(parse_citation(text), Citation), text


PLACES = (
    "step:1",
    "step:4",
    "step:5",
    "step:3.c1",
    "step:3.c2",
    "step:3.c1#L2",
    "step:3.c1#L3",
    "step:1#L1",
    "step:1#L2",
    "diff:tally.sh",
)
PLACES_TOO = (
    "diff:x",
    "file:tally.sh#L2",
    "file:tally.sh#L6",
    "file:skip.txt#L1-L2",
    "file:skip.txt#L3",
    "test:count-words",
    "test:x",
)
TESTS = (
    "test:count-words/test_counts",
    "test:count-words/test_count",
    "test:skip-words/test_skips",
    "file:tally.sh",
    "file:x",
)


@pytest.mark.parametrize("alias", ALIASES)
def test_citations_lead_where_the_command_says(page: Page, graded: Path, alias: str) -> None:
    attempt = load(graded.parents[1]).attempts[TASK][alias]
    look = """([alias, cite]) => assayFile.missing(assayFile.citation(cite),
      JSON.parse(document.getElementById("as-grade-data").textContent).attempts[alias])"""
    for cite in (*PLACES, *PLACES_TOO, *TESTS):
        citation = parse_citation(cite)
        assert isinstance(citation, Citation)
        there = isinstance(resolve(citation, attempt), Evidence)
        assert (page.evaluate(look, [alias, cite]) == "") is there, cite
