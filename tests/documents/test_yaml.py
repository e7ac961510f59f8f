"""YAML is read strictly: one meaning for every scalar, every key once, no machinery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.diagnostics import Diagnostic
from assay.documents import Document, parse


def reading(text: str) -> tuple[Document, list[Diagnostic]]:
    document, found = parse(text, "a.yaml")
    assert document is not None, found
    return document, found


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    return [(item.rule, item.line, item.column) for item in found]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("123456789012345678", 123456789012345678),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        ("2.0", 2.0),
        ("0.00001", 0.00001),
        ("1.5e-07", 1.5e-07),
        ("2026-11-22", "2026-11-22"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("1.2.3", "1.2.3"),
        ("8080:80", "8080:80"),
        ("12:30pm", "12:30pm"),
        ("0b2", "0b2"),
        ("--", "--"),
        (".", "."),
        ("nope", "nope"),
        ("none", "none"),
        ("None", "None"),
        ("brisk-otter", "brisk-otter"),
        ("step:17", "step:17"),
        ("'no'", "no"),
        ('"12:30"', "12:30"),
        ("'1.10'", "1.10"),
        ('"null"', "null"),
        ("|\n  no", "no"),
        (">\n  1.10\n", "1.10\n"),
    ],
)
def test_what_everybody_reads_the_same_way_is_read(scalar: str, value: Any) -> None:
    document, found = reading(f"k: {scalar}")
    assert found == []
    assert document.data == {"k": value}
    assert type(document.data["k"]) is type(value)


AMBIGUOUS = """
    yes no on off y n Yes NO On OFF Y N True TRUE False FALSE Null NULL nULL
    12:30 12:30:00 1:1 22:22 0o17 017 00 09 0x1F 0b11 1_000 +1 1234567890123456789012345678901234567890
    1.10 0.10 1.00 1.0e5 1e5 12e03 1.5e3 1.5e999 +1.5 .5 5. .inf -.INF .nan 3.14159265358979323846 = <<
"""


@pytest.mark.parametrize("scalar", AMBIGUOUS.split())
def test_what_readers_disagree_about_is_refused_and_kept_as_text(scalar: str) -> None:
    document, found = reading(f"a: fine\nk: {scalar}\n")
    assert places(found) == [("yaml-ambiguous", 2, 4)]
    assert f"`{scalar}`" in found[0].message
    assert f'"{scalar}"' in found[0].hint
    assert document.data == {"a": "fine", "k": scalar}
    assert document.flagged == {("k",)}


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("0123456789.eE+-_:xobyYnNtruefalsAINFi~=<"), min_size=1, max_size=6))
def test_what_is_accepted_means_the_same_to_yaml_1_1(scalar: str) -> None:
    document, found = parse(f"k: {scalar}", "a.yaml")
    if document is None or found:
        return
    resolver = yaml.SafeLoader("")
    resolve: Callable[..., str] = resolver.resolve
    tag = resolve(yaml.ScalarNode, scalar, (True, False)).rpartition(":")[2]
    names = {str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}
    assert tag in (names[type(document.data["k"])], "timestamp")


def test_ambiguous_values_are_found_in_lists_and_flow_collections() -> None:
    document, found = reading("k: [1, no, {a: off}]\n")
    assert places(found) == [("yaml-ambiguous", 1, 8), ("yaml-ambiguous", 1, 16)]
    assert document.flagged == {("k", 1), ("k", 2, "a")}


def test_every_repeated_key_is_reported_and_the_first_value_kept() -> None:
    document, found = reading("a: 1\nb: {c: 1, c: [x, {y: no}]}\na: 2\n'a': 3\n")
    assert places(found) == [
        ("yaml-duplicate-key", 2, 11),
        ("yaml-duplicate-key", 3, 1),
        ("yaml-duplicate-key", 4, 1),
    ]
    assert [item.message.partition("; ")[2] for item in found] == ["the first is on line 2"] + [
        "the first is on line 1"
    ] * 2
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert document.position(("a",)) == (1, 4)


def test_the_same_key_in_two_mappings_is_fine() -> None:
    _, found = reading("a: {k: 1}\nb: {k: 1}\n")
    assert found == []


@pytest.mark.parametrize(
    ("text", "place", "data"),
    [
        ("a: &x foo\n", (1, 4), {"a": "foo"}),
        ("a: &x [1]\n", (1, 4), {"a": [1]}),
        ("a: !!str 12\n", (1, 4), {"a": 12}),
        ("a: !env HOME\n", (1, 4), {"a": "HOME"}),
        ("a: !!python/object/apply:os.system [id]\n", (1, 4), {"a": ["id"]}),
        ("a: *x\n", (1, 4), {"a": None}),
        ("a: 1\n<<: {b: 2}\n", (2, 1), {"a": 1}),
        ("a: 1\n<<: *x\n", (2, 1), {"a": 1}),
        ("12: x\n", (1, 1), {"12": "x"}),
        ("true: x\n", (1, 1), {"true": "x"}),
        ("~: x\n", (1, 1), {"~": "x"}),
        ("a: 1\n? [b, c]\n: x\n", (2, 3), {"a": 1}),
        ("a: 1\n---\nb: 2\n", (2, 1), {"a": 1}),
        ("%YAML 1.1\n---\na: 1\n", (1, 1), {"a": 1}),
    ],
)
def test_machinery_is_refused(text: str, place: tuple[int, int], data: Any) -> None:
    document, found = reading(text)
    assert places(found) == [("yaml-feature", *place)]
    assert document.data == data


def test_near_misses_of_machinery_are_text() -> None:
    document, found = reading("---\na: x & y\nb: 'a *b'\nc: '<<'\n\"12\": \"!x\"\n2026-11-22: d\n...\n")
    assert found == []
    assert document.data == {"a": "x & y", "b": "a *b", "c": "<<", "12": "!x", "2026-11-22": "d"}


def test_an_ambiguous_key_is_kept_as_text() -> None:
    document, found = reading("on: 1\n")
    assert places(found) == [("yaml-ambiguous", 1, 1)]
    assert found[0].hint == 'quote the key: "on"'
    assert document.data == {"on": 1}


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]" for n in range(1, 12)]
    document, found = reading("\n".join(lines))
    assert len(found) == 12 + 11 * 9
    assert document.data["a11"] == [None] * 9


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: b: c\n", (1, 5), "|"),
        ("a:\n\t- b\n", (2, 1), "spaces"),
        ("a: `b` keeps\n", (1, 4), "quotes"),
        ("a: [1, 2\n", (2, 1), "quotes"),
        ('a: [step:17 "x"] fails\n', (1, 18), "|"),
        ("a: 'b\n", (2, 1), "quotes"),
        ("a: 1\n b: 2\n", (2, 3), "quotes"),
        ("- a\nb: 1\n", (2, 1), "quotes"),
    ],
)
def test_syntax_errors_have_a_place_and_a_hint(text: str, place: tuple[int, int], hint: str) -> None:
    document, found = parse(text, "a.yaml")
    assert document is None
    assert places(found) == [("document-syntax", *place)]
    assert hint in found[0].hint
    assert found[0].message[0].islower()


def test_problems_before_a_syntax_error_are_reported_too() -> None:
    _, found = parse("a: no\nb: [\n", "a.yaml")
    assert [item.rule for item in found] == ["yaml-ambiguous", "document-syntax"]


def test_control_characters_are_placed() -> None:
    _, found = parse("a: 1\nb: x\x07\n", "a.yaml")
    assert places(found) == [("document-syntax", 2, 5)]
    assert "U+0007" in found[0].message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\n\n"])
def test_an_empty_file_holds_nothing(text: str) -> None:
    document, found = reading(text)
    assert (document.data, found) == (None, [])
    assert document.position(("a",)) >= (1, 1)
