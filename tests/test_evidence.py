"""Citations: how they are written, and what they point to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.evidence import (
    Citation,
    Evidence,
    Malformed,
    Unresolved,
    cites,
    final_patch,
    find_citations,
    parse_citation,
    resolve,
)
from assay.workspace import Attempt, load
from tests.rules.overlay import build, fill


@pytest.mark.parametrize(
    ("text", "alias", "place", "quote"),
    [
        ("[step:17]", None, "step:17", None),
        ("[step:17.c2#L40-L52]", None, "step:17.c2#L40-L52", None),
        ("[step:17#L4-L4]", None, "step:17#L4", None),
        ("[calm-heron step:12 \"KeyError: 'id'\"]", "calm-heron", "step:12", "KeyError: 'id'"),
        ('[calm-heron\n  step:12\n  "two\n  lines"]', "calm-heron", "step:12", "two\n  lines"),
        (r'[diff:src/rank.py "print(\"a\\n\")"]', None, "diff:src/rank.py", r'print("a\n")'),
        ("[file:src/a.py#L10-L14]", None, "file:src/a.py#L10-L14", None),
        ('[test:"m/test_x[1-2]" "x"]', None, 'test:"m/test_x[1-2]"', "x"),
        ("[test:merge-rows]", None, "test:merge-rows", None),
        ("[run:03]", None, "run:03", None),
        ('[step:5 "a [step:6] b"]', None, "step:5", "a [step:6] b"),
    ],
)
def test_citations_in_text(text: str, alias: str | None, place: str, quote: str | None) -> None:
    citations, malformed = find_citations(f"So it is {text}, they say.")
    assert malformed == []
    assert [(item.alias, item.place, item.quote) for item in citations] == [(alias, place, quote)]
    assert (citations[0].start, citations[0].end, citations[0].text) == (9, 9 + len(text), text)
    listed = parse_citation(text[1:-1])
    assert isinstance(listed, Citation)
    assert (listed.alias, listed.place, listed.quote) == (alias, place, quote)


@pytest.mark.parametrize(
    ("text", "fault", "reason"),
    [
        ("[step:5 ", 7, "the closing `]` is missing"),
        ('[step:5 "unclosed]', 7, "the quote is not closed"),
        ("[step:five]", 6, "found `five`"),
        ("[step:0]", 6, "found `0`"),
        ("[step 5]", 1, "a citation starts with `step:`"),
        ("[Step:5]", 1, "a citation starts with `step:`"),
        ("[calm-heron/step:5]", 1, "an alias and a blank before that"),
        ("[step: 5]", 6, "needs a target right behind it"),
        ("[step:5#5]", 7, "lines are written `#L12`"),
        ("[step:5#L5-9]", 7, "lines are written `#L12`"),
        ("[step:5#L9-L5]", 7, "line 5 comes before line 9"),
        ("[diff:a.py#L5]", 10, "line numbers belong to"),
        ("[test:a/b#L5]", 9, "line numbers belong to"),
        ("[test:a/]", 6, "cited as `test:milestone/test`"),
        ("[test:m/test_x[1-2]]", 14, "found `[1-2]]`"),
        ("[run:last]", 5, "found `last`"),
        ('[file:""]', 6, "must not be empty"),
        ("[step:5 “curly”]", 7, "straight double quotes"),
        ('[step:5"close"]', 7, "a blank must stand before the quote"),
        ('[step:5 "a "b" c"]', 12, "must follow; write a quote sign inside a quote"),
        ("[step:5 and step:6]", 7, "found `and`"),
    ],
)
def test_what_opens_like_a_citation_and_is_none(text: str, fault: int, reason: str) -> None:
    citations, malformed = find_citations(text)
    assert citations == []
    assert len(malformed) == 1
    assert (malformed[0].start, malformed[0].fault) == (0, fault)
    assert reason in malformed[0].reason


@pytest.mark.parametrize(
    "text", ["", "[1]", "rows[1:2]", "[sic]", "[a link](diff:x)", "step:5", "[see step five]", "[x] run"]
)
def test_other_brackets_are_text(text: str) -> None:
    assert find_citations(text) == ([], [])


def test_an_unclosed_quote_does_not_swallow_the_next_citation() -> None:
    citations, malformed = find_citations('[step:5 "unclosed] and [step:6] and [step:7 "four words of it"]')
    assert [item.place for item in citations] == ["step:6", "step:7"]
    assert [item.start for item in malformed] == [0]


@pytest.mark.parametrize("item", ["[step:5]", "", "step:5 ", " step:5", "step:5]", "see that step:5", 'step:5 "a" b'])
def test_entries_of_a_list_are_one_citation_without_brackets(item: str) -> None:
    assert isinstance(parse_citation(item), Malformed)


_ALIAS = st.none() | st.from_regex(r"[a-z][a-z0-9]{0,5}-[a-z]{1,6}", fullmatch=True)
_QUOTE = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_LINES = st.none() | st.tuples(st.integers(1, 500), st.integers(0, 500)).map(lambda pair: (pair[0], sum(pair)))
_PATH = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), min_size=1, max_size=15)
_KIND_AND_TARGET = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 9999).map(str)),
    st.tuples(st.just("step"), st.tuples(st.integers(1, 99), st.integers(1, 9)).map(lambda p: f"{p[0]}.c{p[1]}")),
    st.tuples(st.just("file"), _PATH),
    st.tuples(st.just("diff"), _PATH),
)


def escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    _ALIAS,
    _KIND_AND_TARGET,
    _LINES,
    _QUOTE,
    st.text(st.characters(exclude_characters="["), max_size=20),
    st.booleans(),
)
def test_what_is_written_by_the_grammar_is_read_back(
    alias: str | None,
    named: tuple[str, str],
    lines: tuple[int, int] | None,
    quote: str | None,
    before: str,
    plain: bool,
) -> None:
    kind, target = named
    bare = re.fullmatch(r'[^\s\[\]"#]+', target) is not None
    item = f"{alias} " if alias else ""
    item += f"{kind}:{target if bare and plain else escaped(target)}"
    lines = None if kind == "diff" else lines
    item += f"#L{lines[0]}-L{lines[1]}" if lines else ""
    item += f" {escaped(quote)}" if quote is not None else ""
    citations, malformed = find_citations(f"{before}[{item}] and [sic]")
    assert malformed == []
    (found,) = citations
    assert (found.alias, found.kind, found.target, found.quote) == (alias, kind, target, quote)
    assert (found.first, found.last) == (lines or (None, None))
    assert (found.start, found.end) == (len(before), len(before) + len(item) + 2)
    again = parse_citation(found.place)
    assert isinstance(again, Citation)
    assert (again.kind, again.target, again.first, again.last) == (kind, target, found.first, found.last)


@given(st.text(max_size=200) | st.text('[]"\\#:step difL12-.c\n', max_size=120))
@example('[step:5 "\\')
@example("[step:5#L5#L5]")
@example('[file:"\\"]')
def test_any_text_can_be_searched(text: str) -> None:
    citations, malformed = find_citations(text)
    assert cites(text) == bool(citations or malformed)
    places = [(item.start, item.end, item.text) for item in citations]
    places += [(item.start, item.end, item.text) for item in malformed]
    for start, end, found in places:
        assert text[start:end] == found
        assert found.startswith("[")
    ends = [0, *(item.end for item in citations)]
    assert all(item.start >= end for item, end in zip(citations, ends, strict=False))
    listed = parse_citation(text)
    assert isinstance(listed, Malformed) or listed.text == text


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    found = load(build(tmp_path)).attempt("row-merge", "calm-heron")
    assert found is not None
    return found


def evidence(attempt: Attempt, item: str) -> Evidence | Unresolved:
    citation = parse_citation(item)
    assert isinstance(citation, Citation)
    return resolve(citation, attempt)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("step:5", "All tests pass, the merge is done."),
        (
            "step:3",
            (
                "Writing the merge with a dictionary.\nA dictionary removes duplicates.\nshell\n"
                "tee src/rank.py < ../new.py"
            ),
        ),
        ("step:2.c1", "shell\ncat src/rank.py\ndef merge(left, right):\n    pass\n"),
        ("step:2.c1#L2", "    pass"),
        ("step:2.c1#L1-L2", "def merge(left, right):\n    pass"),
        ("step:5#L1", "All tests pass, the merge is done."),
        ("file:src/rank.py#L3", "    return sorted(rows, key=lambda row: row.score)"),
        ("test:keep-order/test_ties", "test_ties: failed\nassert [2, 1] == [1, 2]"),
        ("test:keep-order", "keep-order: scored\ntest_ties: failed\nassert [2, 1] == [1, 2]"),
    ],
)
def test_what_citations_resolve_to(attempt: Attempt, item: str, text: str) -> None:
    found = evidence(attempt, item)
    assert isinstance(found, Evidence)
    assert found.text == text


def test_the_last_patch_in_the_order_of_milestones_is_the_result(attempt: Attempt) -> None:
    assert list(attempt.patches) == ["keep-order", "merge-rows"]
    assert final_patch(attempt) == ("keep-order", attempt.patches["keep-order"])


def test_diffs_are_quoted_with_markers_or_without(attempt: Attempt) -> None:
    found = evidence(attempt, "diff:src/rank.py")
    assert isinstance(found, Evidence)
    assert found.text.startswith("+def merge(left, right):\n+    rows = {")
    assert found.contains("+def merge(left, right): + rows = {row.id")
    assert found.contains("def merge(left, right):\n rows = {row.id")
    assert not found.contains("def merge(left, right): return")


def test_logs_are_quoted_through_their_tests(attempt: Attempt) -> None:
    found = evidence(attempt, "test:keep-order/test_ties")
    assert isinstance(found, Evidence)
    assert found.contains("test_ties FAILED")


def test_a_quote_does_not_run_over_from_one_part_into_the_next(attempt: Attempt) -> None:
    found = evidence(attempt, "step:2")
    assert isinstance(found, Evidence)
    assert found.contains("before the change.")
    assert found.contains("before the change. ... cat src/rank.py")
    assert not found.contains("before the change. shell cat")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("step:24", "there is no step 24; `calm-heron` has 5 steps"),
        ("step:5.c1", "step 5 of `calm-heron` has no calls, not 1"),
        ("step:3.c1#L1", "there is no line 1; the output of step:3.c1 has no lines"),
        ("diff:src/sort.py", "the patch of `calm-heron` does not change `src/sort.py`; it changes `src/rank.py`"),
        ("file:src/rank.py#L4", "there is no line 4; `src/rank.py` has 3 lines"),
        ("test:merge-rows/test_ties", "the tests of `merge-rows` have no `test_ties`; they are `test_merge`"),
        ("test:rank/test_ties", "`calm-heron` has no test report for `rank`; it has `keep-order`, `merge-rows`"),
        ("run:03", "no recorded verification run 03"),
    ],
)
def test_what_cannot_be_resolved_says_what_there_is(attempt: Attempt, item: str, message: str) -> None:
    assert evidence(attempt, item) == Unresolved(message)


def test_files_that_a_patch_shows_in_part(tmp_path: Path) -> None:
    build(tmp_path)
    folder = tmp_path / "trajectories/row-merge/calm-heron"
    (folder / "patches/keep-order.patch").write_text(
        "diff --git a/src/rank.py b/src/rank.py\n--- a/src/rank.py\n+++ b/src/rank.py\n"
        "@@ -10,2 +10,3 @@\n ten\n-old\n+eleven\n+twelve\n"
        "diff --git a/gone.py a/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    fill(tmp_path)
    found = load(tmp_path).attempt("row-merge", "calm-heron")
    assert found is not None
    assert evidence(found, "file:src/rank.py#L11-L12") == Evidence("eleven\ntwelve", ("eleven\ntwelve",))
    whole = evidence(found, "file:src/rank.py")
    assert isinstance(whole, Evidence)
    assert whole.text == "ten\neleven\ntwelve"
    assert evidence(found, "file:src/rank.py#L12-L13") == Unresolved(
        "the patch does not show line 13 of `src/rank.py`; cite diff: or a step that prints it"
    )
    assert evidence(found, "file:gone.py") == Unresolved(
        "`gone.py` is gone after the patch of `calm-heron`; cite `diff:gone.py`"
    )
    assert isinstance(evidence(found, "diff:gone.py"), Evidence)


def test_results_that_name_no_call_belong_to_the_calls_in_order(tmp_path: Path) -> None:
    build(tmp_path)
    file = tmp_path / "trajectories/row-merge/calm-heron/trajectory.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    calls = [{"tool_call_id": f"c{n}", "function_name": "shell", "arguments": {"timeout": n}} for n in (1, 2)]
    data["steps"][1] |= {"tool_calls": calls, "observation": {"results": [{"content": "one"}, {"content": "two"}]}}
    file.write_text(json.dumps(data))
    found = load(tmp_path).attempt("row-merge", "calm-heron")
    assert found is not None
    assert evidence(found, "step:2.c2") == Evidence("shell\n2\ntwo", ("shell", "2", "two"))
