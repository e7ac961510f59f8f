"""For data of any shape: it comes back as it was written, and every position is where the value is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.diagnostics import Position
from assay.documents import Document, parse

Loc = tuple[str | int, ...]
untimed = settings(deadline=None)

# characters that YAML's double quotes hold as they are, or JSON escapes in a way that YAML shares
CHARACTERS = st.sampled_from("abz019 _-:#[]{},&*!|>'\"%@`\\~\t\n\ré€\U0001f600")
STRINGS = st.text(CHARACTERS, max_size=12)
SCALARS = STRINGS | st.integers(-(10**17), 10**17) | st.booleans() | st.floats(-1e6, 1e6).map(lambda n: round(n, 3))
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda child: st.lists(child, max_size=4) | st.dictionaries(STRINGS, child, max_size=4), max_leaves=15
)


def spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def block(value: Any, indent: int = 0) -> str:
    """Block-style YAML, starting on a line of its own unless the value is a scalar."""
    pad = "\n" + " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{spelled(key)}: {block(item, indent + 2)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}- {block(item, indent + 2)}" for item in value)
    return spelled(value)


def leaves(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:
    """Every scalar and empty container."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*loc, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*loc, index))
    else:
        yield loc, value


def good(text: str, suffix: str) -> Document:
    document, found = parse(text, "a", suffix)
    assert found == []
    assert document is not None
    return document


def after(text: str, position: Position) -> str:
    """The text from `position` on."""
    lines = text.split("\n")
    return "\n".join([lines[position.line - 1][position.column - 1 :], *lines[position.line :]])


def assert_placed(document: Document, data: Any) -> None:
    assert document.data == data
    for loc, value in leaves(data):
        assert after(document.text, document.position(loc)).startswith(spelled(value))
        if loc and isinstance(loc[-1], str):
            assert after(document.text, document.key_position(loc)).startswith(spelled(loc[-1]))
        if isinstance(value, str):
            assert_characters(document, loc, value)


def assert_characters(document: Document, loc: Loc, value: str) -> None:
    for offset, char in enumerate(value):
        found = after(document.text, document.position_in(loc, offset))
        assert found.startswith((char, json.dumps(char)[1:-1]))
    end = after(document.text, document.position_in(loc, len(value)))
    assert end.startswith('"')


@untimed
@given(DATA)
def test_yaml_blocks(data: Any) -> None:
    assert_placed(good(block(data).lstrip("\n"), ".yaml"), data)


@untimed
@given(DATA, st.sampled_from([None, 1]))
def test_json_and_yaml_flow(data: Any, indent: int | None) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    assert_placed(good(text, ".json"), data)
    if (
        indent is None
        and max((len(key) for loc, _ in leaves(data) for key in loc if isinstance(key, str)), default=0) < 100
    ):
        assert_placed(good(text, ".yaml"), data)


LINES = st.lists(st.text(st.sampled_from("ab :#-'\"[]é\t"), max_size=8), min_size=1, max_size=6)


@untimed
@given(LINES, st.integers(1, 9), st.sampled_from(["", "+", "-"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_literal_blocks_are_exact(lines: list[str], indent: int, chomp: str, newline: str, last: bool) -> None:
    """With an indentation indicator, any line may start with a space."""
    body = [" " * indent + line if line.strip() else line[:0] for line in lines]
    text = newline.join(["k:", f"  s: |{indent}{chomp}  # why", *("  " + line if line else line for line in body)])
    document = good(text + newline + ("" if last else f"after: 1{newline}"), ".yaml")
    value = document.data["k"]["s"]
    assert value.rstrip("\n") == "\n".join(line if line.strip() else "" for line in lines).rstrip("\n")
    for offset, char in enumerate(value):
        found = after(document.text, document.position_in(("k", "s"), offset))
        assert found[:1] == char or (char == "\n" and found.startswith(newline))
    end = after(document.text, document.position_in(("k", "s"), len(value)))
    assert not value or not end or end.startswith(newline)


@untimed
@given(st.lists(st.text(st.sampled_from("abé"), min_size=1, max_size=5), min_size=1, max_size=8), st.data())
def test_folded_text_keeps_words_in_place(words: list[str], data: st.DataObject) -> None:
    gaps = [data.draw(st.sampled_from([" ", "  ", "\n      ", "\n\n      "])) for _ in words]
    prose = "".join(word + gap for word, gap in zip(words, gaps, strict=True)).strip()
    for text in (
        f"k:\n  s: >\n      {prose}\n",
        f"k:\n  s: {prose}\n",
        f'k:\n  s: "{prose}"\n',
        f"k:\n  s: '{prose}'\n",
    ):
        document, found = parse(text, "a.yaml")
        assert document is not None
        value = str(document.data["k"]["s"])
        assert value.split() == words
        for match in re.finditer(r"\S+", value):
            assert after(text, document.position_in(("k", "s"), match.start())).startswith(match.group())
        assert found == []


@pytest.mark.parametrize(
    ("source", "value", "columns"),
    [
        ("plain text", "plain text", [4, 5, 6]),
        ("'it''s'", "it's", [5, 6, 7, 9, 10]),
        (r'"a\x41\u00e9\U0001F600\n\\z"', "aAé\U0001f600\n\\z", [5, 6, 10, 16, 26, 28, 30, 31]),
        ('"a\\tb"', "a\tb", [5, 6, 8, 9]),
    ],
)
def test_characters_of_one_line_scalars(source: str, value: str, columns: list[int]) -> None:
    document = good(f"k: {source}\n", ".yaml")
    assert document.data == {"k": value}
    assert [document.position_in(("k",), n).column for n in range(len(columns))] == columns


def test_double_quotes_over_several_lines_keep_the_line() -> None:
    text = 'k: "one \\\n  two\\n\n\n  three\\\n\\ four"\n'
    document = good(text, ".yaml")
    value = document.data["k"]
    for word, line in {"one": 1, "two": 2, "three": 4, "four": 5}.items():
        assert document.position_in(("k",), value.index(word)).line == line
        assert after(text, document.position_in(("k",), value.index(word))).startswith(word)


def test_only_line_feeds_end_a_line() -> None:
    document = good('a: "x\u2028\n y"\r\nb: |\r\n  p\x85  q\u2028  r\r\nc: 1\r\n', ".yaml")
    assert document.data["b"] == "p\nq\u2028r\n"
    assert document.position(("c",)) == (5, 4)
    assert [document.position_in(("b",), n).column for n in range(5)] == [3, 4, 7, 8, 11]
    document = good('{"a": "x\u2028y",\r\n "b": 1}', ".json")
    assert document.position(("b",)) == (2, 7)


def test_yaml_positions_of_containers_and_of_what_is_missing() -> None:
    text = "# first\ngrades:\n  brisk-otter:\n    criteria:\n    - id: a\n      why: x\nranking: [[p], [q]]\n"
    document = good(text, ".yaml")
    assert document.position(()) == (2, 1)
    assert document.position(("grades", "brisk-otter")) == (4, 5)
    assert document.key_position(("grades", "brisk-otter")) == (3, 3)
    assert document.position(("grades", "brisk-otter", "criteria", 0)) == (5, 7)
    assert document.position(("grades", "brisk-otter", "criteria", 0, "missing", "deeper")) == (5, 7)
    assert document.position(("ranking", 1, 0)) == (7, 17)
    assert document.position(("ranking", 5)) == (7, 10)
    assert document.position_in(("grades",), 3) == document.position(("grades",))


TOML_KEYS = st.text(st.sampled_from("ab1-_ .é\"'"), min_size=1, max_size=5)
TOML_STRINGS = st.text(st.sampled_from("ab #=[]{},.'\"\\\n\té"), max_size=8)
TOML_SCALARS = TOML_STRINGS | st.integers(-1000, 1000) | st.booleans()
TOML_DATA: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    TOML_KEYS,
    st.recursive(
        TOML_SCALARS,
        lambda child: st.lists(child, max_size=3) | st.dictionaries(TOML_KEYS, child, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def toml_value(value: Any, style: st.DataObject) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spelled(key)} = {toml_value(item, style)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        gap = style.draw(st.sampled_from(["", " ", "\n  ", " # ], [\n"]))
        return "[" + gap + f",{gap}".join(toml_value(item, style) for item in value) + gap + "]"
    if isinstance(value, str) and "'" not in value and "\n" not in value and style.draw(st.booleans()):
        return style.draw(st.sampled_from([f"'{value}'", f"'''{value}'''", f"'''\n{value}'''"]))
    if isinstance(value, str) and style.draw(st.booleans()):
        return f'"""{spelled(value)[1:-1]}"""' if not value.startswith("\n") else spelled(value)
    return spelled(value)


def toml(table: dict[str, Any], style: st.DataObject, prefix: str = "") -> str:
    lines, below = [], []
    for key, value in table.items():
        name = spelled(key) if not re.fullmatch(r"[ab1_-]+", key) else key
        full = f"{prefix}{name}"
        rows = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
        if isinstance(value, dict) and value and style.draw(st.booleans()):
            lines += [f"{name} . {spelled(inner)} = {toml_value(item, style)}" for inner, item in value.items()]
        elif isinstance(value, dict) and style.draw(st.booleans()):
            below.append(f"[ {full} ]\n" + toml(value, style, f"{full}."))
        elif rows and style.draw(st.booleans()):
            below += [f"[[{full}]] # x\n" + toml(item, style, f"{full}.") for item in value]
        else:
            lines.append(f"{name} = {toml_value(value, style)}")
    return "".join(f"{line}\n" for line in lines) + "\n" + "".join(below)


@untimed
@given(TOML_DATA, st.data())
def test_toml_scanner_places_every_key(data: dict[str, Any], style: st.DataObject) -> None:
    document = good(toml(data, style), ".toml")
    assert document.data == data
    for loc, value in leaves(data) if data else ():
        source = after(document.text, document.position(loc))
        if isinstance(value, str):
            assert source[0] in "\"'"
            assert_string(document, loc, value)
        elif isinstance(value, int):
            assert source.startswith(spelled(value))
        else:
            assert source[0] in "[{"
        if loc and isinstance(loc[-1], str):
            key = after(document.text, document.key_position(loc))
            assert key.startswith((loc[-1], spelled(loc[-1])))


def assert_string(document: Document, loc: Loc, value: str) -> None:
    for offset, char in enumerate(value):
        found = after(document.text, document.position_in(loc, offset))
        assert found.startswith((char, json.dumps(char, ensure_ascii=False)[1:-1]))
