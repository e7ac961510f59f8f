"""What does not fit a record is said in plain words, once, at the line where it stands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from assay.diagnostics import Diagnostic
from assay.documents import parse, validate
from assay.model.annotation import Annotation
from assay.model.base import Id


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Item(Strict):
    id: Id
    weight: Literal[1, 2, 3, 5] = 1
    good: bool = True
    axis: Literal["style", "correctness"] = "style"


class Source(Strict):
    source: str
    exclude: list[str] = []


class Port(Strict):
    port: int
    host: str = ""


class Cat(Strict):
    kind: Literal["cat"]
    lives: int = 9


class Dog(Strict):
    kind: Literal["dog"]


class Sheet(Strict):
    format: Literal[1] = 1
    items: list[Item] = []
    named: dict[Id, Item] = {}
    holds: bool | Literal["unclear"] = True
    artifacts: list[str | Source | Port] = []
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    count: int = 1
    title: Annotated[str, StringConstraints(min_length=1, max_length=5)] = "x"
    tiers: list[Annotated[list[str], Field(min_length=2)]] = []
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    note: str | None = None

    @field_validator("title")
    @classmethod
    def _calm(cls, value: str) -> str:
        if value.endswith("!"):
            raise ValueError("must not shout")
        if value.endswith("?"):
            raise ValueError("Questions belong in `note`")
        return value


def schema(text: str, model: type[BaseModel] = Sheet, suffix: str = ".yaml") -> list[tuple[int, int, str]]:
    return [(item.line, item.column, item.message) for item in diagnostics(text, model, suffix)]


def diagnostics(text: str, model: type[BaseModel] = Sheet, suffix: str = ".yaml") -> list[Diagnostic]:
    document, found = parse(text, "a", suffix)
    assert document is not None, found
    record, errors = validate(document, model)
    assert (record is None) or not errors
    assert {item.rule for item in errors} <= {"schema"}
    return found + errors


def test_a_document_that_fits_becomes_a_record() -> None:
    document, _ = parse("items: [{id: a, weight: 5}]\nartifacts: [x, {source: y}, {port: 1}]\nnote: ~\n", "a.yaml")
    assert document is not None
    record, found = validate(document, Sheet)
    assert found == []
    assert record is not None
    assert record.items[0].weight == 5
    assert record.artifacts[2] == Port(port=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items:\n  - weight: 2\n", (2, 5, "`id` is required")),
        ("items:\n  - id: a\n    wieght: 2\n", (3, 5, "unknown key `wieght`; did you mean `weight`?")),
        ("items: [{id: a, xyzzy: 2}]\n", (1, 17, "unknown key `xyzzy`")),
        ("itmes: []\n", (1, 1, "unknown key `itmes`; did you mean `items`?")),
        ("named:\n  a: {id: a, godo: true}\n", (2, 14, "unknown key `godo`; did you mean `good`?")),
        ("items: [{id: a, weight: 4}]\n", (1, 25, "`weight` must be one of `1`, `2`, `3`, `5`, found `4`")),
        ("items: [{id: a, axis: tone}]\n", (1, 23, "`axis` must be one of `style`, `correctness`, found `tone`")),
        ("items: [{id: a, good: 1}]\n", (1, 23, "`good` must be a true/false value, found `1`")),
        ("items: [{id: a, good: maybe}]\n", (1, 23, "`good` must be a true/false value, found `maybe`")),
        ("items: [a]\n", (1, 9, "item 1 of `items` must be a mapping, found `a`")),
        ("items: {}\n", (1, 8, "`items` must be a list, found a mapping")),
        ("named: []\n", (1, 8, "`named` must be a mapping, found a list")),
        ("named:\n", (1, 7, "`named` must be a mapping, found nothing")),
        ("count: 1.5\n", (1, 8, "`count` must be a whole number, found `1.5`")),
        ("count: many\n", (1, 8, "`count` must be a whole number, found `many`")),
        ("share: '0.5'\n", (1, 8, "`share` must be a number, found `0.5`")),
        ("share: 1.5\n", (1, 8, "`share` must be at most 1, found `1.5`")),
        ("share: -1.5\n", (1, 8, "`share` must be at least 0, found `-1.5`")),
        ("title: 12\n", (1, 8, "`title` must be text, found `12`")),
        ("title: ''\n", (1, 8, "`title` must not be empty")),
        ("title: too long\n", (1, 8, "`title` must have at most 5 characters, found 8")),
        ("title: hey!\n", (1, 8, "`title` must not shout")),
        ("title: hey?\n", (1, 8, "questions belong in `note`")),
        ("tiers:\n- [a, b]\n- [c]\n", (3, 3, "item 2 of `tiers` must have at least 2 items, found 1")),
        ("tiers: [[a, 1]]\n", (1, 13, "item 2 of item 1 of `tiers` must be text, found `1`")),
        ("format: 2\n", (1, 9, "`format` must be `1`, found `2`")),
        ("holds: maybe\n", (1, 8, "`holds` must be a true/false value or `unclear`, found `maybe`")),
        ("artifacts: [3]\n", (1, 13, "item 1 of `artifacts` must be text or a mapping, found `3`")),
        ("artifacts: [{source: 3}]\n", (1, 22, "`source` must be text, found `3`")),
        ("artifacts: [{port: x}]\n", (1, 20, "`port` must be a whole number, found `x`")),
        ("artifacts:\n- source: x\n  exlude: []\n", (3, 3, "unknown key `exlude`; did you mean `exclude`?")),
        ("pet: {kind: cow}\n", (1, 6, "`kind` must be one of `cat`, `dog`, found `cow`")),
        ("pet: {lives: 1}\n", (1, 6, "`kind` is required")),
        ("pet: {kind: cat, lifes: 1}\n", (1, 18, "unknown key `lifes`; did you mean `lives`?")),
        ("pet: {kind: cat, lives: x}\n", (1, 25, "`lives` must be a whole number, found `x`")),
        ("- a\n", (1, 1, "the file must be a mapping, found a list")),
        ("", (1, 1, "the file must be a mapping, found nothing")),
    ],
)
def test_one_fault_is_one_message(text: str, expected: tuple[int, int, str]) -> None:
    assert schema(text) == [expected]


def test_ids_are_described_not_quoted_as_a_pattern() -> None:
    words = "must be lower-case letters, digits and inner hyphens, at most 64, found"
    assert schema("items: [{id: A b}]\n") == [(1, 14, f"`id` {words} `A b`")]
    assert schema("named:\n  Bad_Key: {id: a}\n") == [(2, 3, f"key `Bad_Key` {words} `Bad_Key`")]


def test_several_faults_are_reported_at_once_each_on_its_line() -> None:
    text = "items:\n  - id: a\n    weight: 4\n  - good: true\nnamed:\n  a:\n    id: a\n    axes: style\ncount: x\n"
    assert schema(text) == [
        (3, 13, "`weight` must be one of `1`, `2`, `3`, `5`, found `4`"),
        (4, 5, "`id` is required"),
        (8, 5, "unknown key `axes`; did you mean `axis`?"),
        (9, 8, "`count` must be a whole number, found `x`"),
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("holds: no\n", "yaml-ambiguous"),
        ("count: 1_000\n", "yaml-ambiguous"),
        ("share: .5\n", "yaml-ambiguous"),
        ("items: [{id: a, good: Yes}]\n", "yaml-ambiguous"),
        ("on: 1\n", "yaml-ambiguous"),
        ("items: [{id: a, good: 1, good: true}]\n", "yaml-duplicate-key"),
        ("items: *x\n", "yaml-feature"),
        ("items: [{<<: {id: a}, good: true}]\n", "yaml-feature"),
        ("count: !!str 12\n", "yaml-feature"),
        ("12: x\n", "yaml-feature"),
    ],
)
def test_what_reading_reported_is_not_reported_again(text: str, rule: str) -> None:
    assert [item.rule for item in diagnostics(text)] == [rule]


def test_flagged_places_do_not_hide_their_neighbours() -> None:
    found = diagnostics("holds: no\ncount: x\nitems: [{good: no}]\n")
    assert [(item.rule, item.line) for item in found] == [
        ("yaml-ambiguous", 1),
        ("yaml-ambiguous", 3),
        ("schema", 2),
        ("schema", 3),
    ]


def test_a_repeated_json_key_is_reported_once() -> None:
    assert [item.rule for item in diagnostics('{"count": "x", "count": 1}', suffix=".json")] == ["yaml-duplicate-key"]


def test_toml_places() -> None:
    text = '[[items]]\nid = "a"\n\n[[items]]\ngood = 1\n'
    assert schema(text, suffix=".toml") == [
        (4, 1, "`id` is required"),
        (5, 8, "`good` must be a true/false value, found `1`"),
    ]


def test_another_format_version_gets_a_hint() -> None:
    assert "newer" in diagnostics("format: 2\n")[0].hint
    assert diagnostics("count: x\n")[0].hint == ""


def test_unknown_keys_list_what_can_be_added() -> None:
    found = diagnostics("items: [{id: a, axis: style, xyzzy: 1}]\n")
    assert found[0].hint == "delete it; keys that can be added here: `weight`, `good`"


def test_long_values_are_cut() -> None:
    message = diagnostics("count: " + "word " * 30)[0].message
    assert len(message) < 100
    assert message.endswith("…`")


def test_an_annotation_with_many_faults() -> None:
    text = """format: 1
task: csv-merge
annotator: rater-2
guidelines: 0
rubric: dead
ordr: [brisk-otter]
grades:
  brisk-otter:
    rationale: ""
    criteria:
      keeps-order: {holds: no}
      is-fast: {holds: 3, cits: [a]}
ranking: [[brisk-otter], [brisk-otter]]
comparison: x
minutes: 0
"""
    found = [(item.line, item.message) for item in diagnostics(text, Annotation)]
    assert found[0][0] == 11
    assert found[1:] == [
        (1, "`order` is required"),
        (4, "`guidelines` must be at least 1, found `0`"),
        (5, "`rubric` must match `^[0-9a-f]{40}$`, found `dead`"),
        (6, "unknown key `ordr`; did you mean `order`?"),
        (9, "`rationale` must not be empty"),
        (12, "`holds` must be a true/false value or `unclear`, found `3`"),
        (12, "unknown key `cits`; did you mean `cites`?"),
        (13, "`brisk-otter` is ranked twice; place every trajectory in one tier"),
        (15, "`minutes` must be greater than 0, found `0`"),
    ]


def test_pydantic_own_wording_is_lower_case() -> None:
    class Odd(Strict):
        pair: Any
        number: Annotated[int, Field(multiple_of=3)]

    assert schema("pair: x\nnumber: 4\n", Odd) == [(2, 9, "input should be a multiple of 3")]
