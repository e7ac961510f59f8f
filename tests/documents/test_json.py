"""JSON: strict, with positions found on demand."""

from __future__ import annotations

import pytest

from assay.diagnostics import Diagnostic
from assay.documents import parse


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    return [(item.rule, item.line, item.column) for item in found]


def test_repeated_keys_are_reported_at_every_level_and_the_first_value_kept() -> None:
    text = '{"a": 1,\n "b": [{"c": 1, "c": 2, "c": {"d": 1, "d": 2}}],\n "a": {}}'
    document, found = parse(text, "a.json")
    assert document is not None
    assert document.data == {"a": 1, "b": [{"c": 1}]}
    assert places(found) == [
        ("yaml-duplicate-key", 2, 17),
        ("yaml-duplicate-key", 2, 25),
        ("yaml-duplicate-key", 3, 2),
    ]
    assert "line 1" in found[2].message
    assert document.flagged == {("a",), ("b", 0, "c")}
    assert document.position(("a",)) == (1, 7)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": NaN}', (1, 7)),
        ('{"NaN": 1,\n"b": -Infinity}', (2, 6)),
        ('{"a": Infinity}', (1, 7)),
        ('{"a": NaN, "on": "2026-01-05', (1, 7)),
        ('{"a": 1e999}', (1, 7)),
        ('{"a": ' + "1" * 5000 + "}", (1, 7)),
        ('{"a": 1,}', (1, 9)),
        ("{'a': 1}", (1, 2)),
        ('{"a": 1} x', (1, 10)),
        ("", (1, 1)),
        ('{"a": "\n"}', (1, 8)),
        ('{"a": "x", "b": "\\ud800"}', (1, 17)),
    ],
)
def test_what_is_not_json(text: str, place: tuple[int, int]) -> None:
    document, found = parse(text, "a.json")
    assert document is None
    assert [item.rule for item in found] == ["document-syntax"]
    if text != '{"a": 1,}':  # Python 3.13 points at the comma, earlier ones at the brace
        assert (found[0].line, found[0].column) == place


def test_near_misses_are_json() -> None:
    document, found = parse('{"a": "NaN", "b": "\\ud83d\\ude00 \\\\ud800", "c": 1e300, "d": 1.10, "e": "no"}', "a.json")
    assert found == []
    assert document is not None
    assert document.data == {"a": "NaN", "b": "\U0001f600 \\ud800", "c": 1e300, "d": 1.1, "e": "no"}


def test_positions_of_keys_values_and_what_is_missing() -> None:
    document, _ = parse('{\n  "steps": [\n    {"id": 1},\n    {"id" : "two"}\n  ]\n}\n', "a.json")
    assert document is not None
    assert document.position(("steps", 1, "id")) == (4, 13)
    assert document.key_position(("steps", 1, "id")) == (4, 6)
    assert document.position(("steps", 1)) == document.key_position(("steps", 1)) == (4, 5)
    assert document.position(("steps", 1, "source")) == (4, 5)
    assert document.position(("steps", 7)) == (2, 12)
    assert document.position(()) == (1, 1)


def test_characters_of_strings_with_escapes() -> None:
    document, _ = parse(r'{"a": "x\n\u00e9\ud83d\ude00\"y"}', "a.json")
    assert document is not None
    assert document.data["a"] == 'x\né\U0001f600"y'
    assert [document.position_in(("a",), n).column for n in range(7)] == [8, 9, 11, 17, 29, 31, 32]
