"""TOML: values from the standard library, positions from our own scanner."""

from __future__ import annotations

import pytest

from assay.documents import Document, parse

TEXT = '''# a task
version = "1.4"
artifacts = ["/app/a", {source = "/app/b", exclude = ["x"]}]

[metadata]
crux = """
first
second \\
   third"""
"quoted key".'lit' = 'C:\\x'
when = 2026-11-22
tags = [
  "a",  # not "this"
  'b]',
]

[[steps]]
name = "one"
[steps.agent]
timeout_sec = 5.0
[[steps]]
name = "two"  # second
[[steps.verifier.collect]]
command = "x"
[[steps.verifier.collect]]
command = "y=[1]"
'''


def good(text: str) -> Document:
    document, found = parse(text, "a.toml")
    assert found == []
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("loc", "value", "key"),
    [
        (("version",), (2, 11), (2, 1)),
        (("artifacts", 0), (3, 14), (3, 14)),
        (("artifacts", 1, "source"), (3, 34), (3, 25)),
        (("artifacts", 1, "exclude", 0), (3, 55), (3, 55)),
        (("metadata",), (5, 1), (5, 2)),
        (("metadata", "crux"), (6, 8), (6, 1)),
        (("metadata", "quoted key"), (10, 1), (10, 1)),
        (("metadata", "quoted key", "lit"), (10, 22), (10, 14)),
        (("metadata", "tags", 1), (14, 3), (14, 3)),
        (("metadata", "missing"), (5, 1), (5, 2)),
        (("steps",), (17, 1), (17, 3)),
        (("steps", 0, "name"), (18, 8), (18, 1)),
        (("steps", 0, "agent", "timeout_sec"), (20, 15), (20, 1)),
        (("steps", 1), (21, 1), (21, 1)),
        (("steps", 1, "name"), (22, 8), (22, 1)),
        (("steps", 1, "verifier", "collect", 1, "command"), (26, 11), (26, 1)),
        (("nothing",), (1, 1), (1, 1)),
    ],
)
def test_positions(loc: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    document = good(TEXT)
    assert document.position(loc) == value
    assert document.key_position(loc) == key


def test_characters_of_multi_line_and_escaped_strings() -> None:
    document = good(TEXT)
    crux = document.data["metadata"]["crux"]
    assert crux == "first\nsecond third"
    assert document.position_in(("metadata", "crux"), crux.index("second")) == (8, 1)
    assert document.position_in(("metadata", "crux"), crux.index("third")) == (9, 4)
    assert document.position_in(("metadata", "quoted key", "lit"), 3) == (10, 26)
    document = good(r'a = "x\ty"')
    assert [document.position_in(("a",), n).column for n in range(4)] == [6, 7, 9, 10]


def test_dates_become_text() -> None:
    assert good(TEXT).data["metadata"]["when"] == "2026-11-22"
    assert good("a = [10:30:00, 2026-11-22T10:30:00Z]").data == {"a": ["10:30:00", "2026-11-22T10:30:00+00:00"]}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = 1\nb = \n", (2, 5)),
        ("a = 1\r\n\r\nb = x\r\n", (3, 5)),
        ("a = 1\na = 2\n", (2, 6)),
        ("[a]\n[a]\n", (2, 3)),
        ('a = "x', (1, 7)),
        ("a = [1,\n", (2, 1)),
    ],
)
def test_syntax_errors_have_a_place(text: str, place: tuple[int, int]) -> None:
    document, found = parse(text, "a.toml")
    assert document is None
    assert [(item.rule, item.line, item.column) for item in found] == [("document-syntax", *place)]
    assert "line" not in found[0].message
    assert found[0].message[0].islower()


def test_a_number_of_absurd_size_is_refused() -> None:
    document, found = parse("a = " + "1" * 5000, "a.toml")
    assert document is None
    assert [item.rule for item in found] == ["document-syntax"]
