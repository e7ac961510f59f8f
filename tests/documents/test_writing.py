"""What is written is what the strict reader reads, and what people would have written."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from assay.documents import parse, to_yaml

LINES = st.text(st.sampled_from("ab \t:#-|>'\"\\\n%@`{}[]!&*?,\x1b\r\x85\u2028\ufeff\u00e9\U0001f600"), max_size=30)
WORDS = st.sampled_from(["no", "y", "1.10", "12:30", "0x1f", "null", "~", "1e5", "<<", "=", "2026-11-22", "-"])
TEXT = st.one_of(LINES, WORDS, st.text(max_size=20))
VALUES = st.recursive(
    st.one_of(TEXT, st.booleans(), st.none(), st.integers(-(10**17), 10**17)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(TEXT, VALUES, max_size=3))
@example({"log": "  indented\nthen not\n\n", "last": "...\n\n"})
@example({"list": ["a\n  b", {"deep": "\n x\n"}]})
@example({"log": "<<<<<<< ours\n=======\n"})
def test_the_strict_reader_gets_back_what_was_written(data: dict[str, Any]) -> None:
    document, found = parse(to_yaml(data), "a.yaml")
    assert document is not None, found
    assert found == []
    assert (document.data or {}) == data


def test_text_over_several_lines_stands_as_it_is_and_comments_above_their_fields() -> None:
    text = to_yaml({"name": "a-1", "log": "one\ntwo: 2\n", "yes": "no"}, {"log": "What it said.\nAll of it."})
    assert text == 'name: a-1\n# What it said.\n# All of it.\nlog: |\n  one\n  two: 2\n"yes": "no"\n'
