"""Files that cannot be read at all, and the promise that nothing makes the reader raise."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.diagnostics import Diagnostic
from assay.documents import Document, parse, read

SUFFIXES = (".yaml", ".toml", ".json")


def one(found: list[Diagnostic]) -> tuple[str, int, int]:
    assert len(found) == 1, found
    return found[0].rule, found[0].line, found[0].column


def test_each_suffix_has_its_reader(tmp_path: Path) -> None:
    for name, text in {"a.yaml": "k: 1", "a.yml": "k: 1", "a.toml": "k = 1", "a.json": '{"k": 1}'}.items():
        (tmp_path / name).write_text(text)
        document, found = read(tmp_path / name, f"x/{name}")
        assert found == []
        assert document is not None
        assert (document.data, document.path) == ({"k": 1}, f"x/{name}")


def test_the_path_gives_the_format_unless_a_suffix_is_named() -> None:
    document, _ = parse("k = 1", "a.toml")
    assert document is not None
    assert document.data == {"k": 1}
    document, _ = parse("k: 1", "guidelines.md", ".yaml")
    assert document is not None
    assert document.data == {"k": 1}
    with pytest.raises(ValueError, match=r"no reader for `\.md`"):
        parse("k: 1", "guidelines.md")


def test_a_missing_file_and_a_folder_are_diagnostics(tmp_path: Path) -> None:
    document, found = read(tmp_path / "none.yaml", "none.yaml")
    assert document is None
    assert one(found) == ("document-unreadable", 1, 1)
    assert "no such file" in found[0].message
    assert str(tmp_path) not in found[0].message
    (tmp_path / "folder.yaml").mkdir()
    assert one(read(tmp_path / "folder.yaml", "folder.yaml")[1])[0] == "document-unreadable"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes("a\nü".encode() + b"\xff")
    document, found = read(file, f"a{suffix}")
    assert document is None
    assert one(found) == ("document-unreadable", 2, 2)
    assert found[0].message == "must be UTF-8 text, found byte 0xff at offset 4"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("a\0", (1, 2), "NUL"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", (1, 1), "LFS"),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n", (2, 1), "merge conflict"),
    ],
)
def test_what_is_no_document_at_all(suffix: str, text: str, place: tuple[int, int], word: str) -> None:
    document, found = parse(text, f"a{suffix}")
    assert document is None
    assert one(found) == ("document-unreadable", *place)
    assert word in found[0].message


def test_every_conflict_is_named_and_the_pointer_hint_is_a_command() -> None:
    _, found = parse("<<<<<<< a\n>>>>>>> b\nx: 1\n<<<<<<< a\n>>>>>>> b\n", "a.yaml")
    assert [item.line for item in found] == [1, 4]
    _, found = parse("version https://git-lfs.github.com/spec/v1\n", "a.json")
    assert found[0].hint == "run `git lfs pull`"


def test_conflict_markers_inside_a_line_are_text() -> None:
    document, found = parse("why: |\n  <<<<<<< HEAD is left in the file\n", "a.yaml")
    assert found == []
    assert document is not None
    assert document.data == {"why": "<<<<<<< HEAD is left in the file\n"}


@pytest.mark.parametrize(("suffix", "text"), [(".yaml", "k: 1"), (".toml", "k = 1"), (".json", '{"k": 1}')])
def test_a_byte_order_mark_moves_nothing(tmp_path: Path, suffix: str, text: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_text(text, encoding="utf-8-sig")
    document, found = read(file, "a")
    assert found == []
    assert document is not None
    assert document.position(("k",)) == parse_good(text, suffix).position(("k",))


def parse_good(text: str, suffix: str) -> Document:
    document, found = parse(text, "a", suffix)
    assert found == []
    assert document is not None
    return document


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(
    content=st.binary(max_size=80)
    | st.text(st.sampled_from("[]{}:,-#&*!|>'\"%@`\\ \n\t~<=.01eaé\u2028\x85"), max_size=60).map(str.encode)
)
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_never_raise(tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_bytes(content)
    document, found = read(file, "any")
    assert document is not None or found
    if document is not None:
        walk(document, (), document.data)


def walk(document: Document, loc: tuple[str | int, ...], value: object) -> None:
    """Ask for every position there is."""
    document.position(loc)
    document.key_position(loc)
    if isinstance(value, str):
        for offset in range(len(value) + 1):
            assert document.position_in(loc, offset) >= (1, 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            walk(document, (*loc, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            walk(document, (*loc, index), item)


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".yaml", "[" * 100_000),
        (".yaml", "{a: " * 5_000),
        (".yaml", "- " * 5_000 + "x"),
        (".yaml", "k: 1\nk: " + "[" * 5_000 + "]" * 5_000),
        (".json", "[" * 100_000),
        (".json", '{"a":' * 5_000 + "1" + "}" * 5_000),
        (".json", "[" * 101 + "]" * 101),
        (".toml", "a = " + "[" * 5_000 + "]" * 5_000),
        (".toml", "a = " + "[" * 100 + "]" * 100),
    ],
)
def test_deep_nesting_is_one_diagnostic(suffix: str, text: str) -> None:
    document, found = parse(text, "a", suffix)
    assert document is None
    rules = {item.rule for item in found}
    assert rules <= {"document-syntax", "yaml-duplicate-key"}
    assert [item.message for item in found if "nested deeper than 100" in item.message]


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".yaml", "[" * 100 + "]" * 100),
        (".json", "[" * 100 + "]" * 100),
        (".toml", "a = " + "[" * 99 + "]" * 99),
    ],
)
def test_a_hundred_levels_are_read(suffix: str, text: str) -> None:
    assert parse_good(text, suffix).data


def test_documents_can_be_sent_to_another_process() -> None:
    document = parse_good("a:\n  b: x\n", ".yaml")
    document.position_in(("a", "b"), 0)
    copy = pickle.loads(pickle.dumps(document))
    assert (copy.data, copy.position(("a", "b"))) == (document.data, (2, 6))
