"""Logs that are cut off, bent or foreign end in one clear line or in a readable trajectory, never otherwise."""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.importers import BUILT_IN, ImportFailed, registry
from assay.importers.source import Source
from tests.importers.reading import LOGS, only, readable, written

FILES = [name for name, path in LOGS.items() if path.is_file()]
CONTENT = {name: LOGS[name].read_bytes() for name in FILES}
TEXTS = [name for name in FILES if b"\0" not in CONTENT[name]]
DOCUMENTS = [name for name in TEXTS if name.endswith(".json")]
LINES = [name for name in TEXTS if name.endswith(".jsonl")]
OLD = CONTENT["atif/atif-1.2.json"]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(file: Path, content: bytes, form: str | None = None) -> str:
    """The message of the failure, or nothing."""
    file.write_bytes(content)
    try:
        attempts = registry().read(file, form)[1]
    except ImportFailed as error:
        message = error.message
    else:
        assert attempts
        for attempt in attempts:
            readable(written(attempt))
        return ""
    assert message.startswith(f"{file}:")
    assert "\n" not in message
    return message


def places(data: Any, loc: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value, the root first."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [loc, *(place for key, value in inner for place in places(value, (*loc, key)))]


def replaced(data: Any, loc: tuple[str | int, ...], value: Any) -> Any:
    """A copy with another value at one place."""
    if not loc:
        return value
    copy: Any = dict(data) if isinstance(data, dict) else list(data)
    copy[loc[0]] = replaced(data[loc[0]], loc[1:], value)
    return copy


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from([[], {}, [[]], [{}], {"a": 1}, [None], 10**400, -1, 1.5, '{"a": "b"}', "\x1b[31mred\r\b"]),
    st.integers(1, 99).map(nested),
)


@FEW
@given(st.sampled_from(DOCUMENTS), st.floats(0, 1, exclude_max=True))
def test_a_document_that_is_cut_off(tmp_path: Path, name: str, share: float) -> None:
    content = CONTENT[name].rstrip()
    message = outcome(tmp_path / "log", content[: int(len(content) * share)])
    assert message


@FEW
@given(st.sampled_from(LINES), st.floats(0, 1, exclude_max=True))
def test_lines_that_are_cut_off_give_what_is_whole_and_say_so(tmp_path: Path, name: str, share: float) -> None:
    content = CONTENT[name][: int(len(CONTENT[name]) * share)]
    whole = content.rpartition(b"\n")[2].strip() == b"" or content + b"\n" in CONTENT[name]
    if not outcome(tmp_path / "log", content) and not whole:
        for attempt in registry().read(tmp_path / "log")[1]:
            assert "could not be read" in (attempt.trajectory.notes or "")


@FEW
@given(st.sampled_from(DOCUMENTS), st.data(), VALUES)
def test_any_value_may_be_of_the_wrong_type(tmp_path: Path, name: str, data: st.DataObject, value: Any) -> None:
    original = json.loads(CONTENT[name])
    place = data.draw(st.sampled_from(places(original)))
    bent = json.dumps(replaced(original, place, value)).encode()
    outcome(tmp_path / "log", bent)
    outcome(tmp_path / "log", bent, name.partition("/")[0])


@FEW
@given(st.sampled_from(LINES), st.data(), VALUES)
def test_any_value_of_a_line_may_be_of_the_wrong_type(
    tmp_path: Path, name: str, data: st.DataObject, value: Any
) -> None:
    lines = CONTENT[name].splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    original = json.loads(lines[number])
    lines[number] = json.dumps(replaced(original, data.draw(st.sampled_from(places(original))), value)).encode()
    outcome(tmp_path / "log", b"\n".join(lines))
    outcome(tmp_path / "log", b"\n".join(lines), name.partition("/")[0])


@FEW
@given(st.sampled_from(LINES), st.randoms(use_true_random=False), st.booleans())
def test_lines_in_any_order_and_twice(tmp_path: Path, name: str, random: Random, twice: bool) -> None:
    lines = CONTENT[name].splitlines() * (1 + twice)
    random.shuffle(lines)
    outcome(tmp_path / "log", b"\n".join(lines))
    outcome(tmp_path / "log", b"\n".join(lines), name.partition("/")[0])


@pytest.mark.parametrize("name", TEXTS)
def test_other_encodings_are_named(tmp_path: Path, name: str) -> None:
    assert "found UTF-16" in outcome(tmp_path / "log", CONTENT[name].decode().encode("utf-16"), name.partition("/")[0])
    zeros = CONTENT[name].replace(b"e", b"\0", 1)
    assert outcome(tmp_path / "log", zeros, name.partition("/")[0]) or name in LINES


@pytest.mark.parametrize("name", DOCUMENTS + LINES)
def test_a_long_line_and_little_memory(tmp_path: Path, name: str) -> None:
    """Every text of the log a hundred kilobytes longer, in one line where it is one document."""
    long = "word " * 20_000
    content = b"\n".join(
        json.dumps(lengthened(json.loads(text), long)).encode()
        for text in (CONTENT[name].splitlines() if name in LINES else [CONTENT[name]])
    )
    registry().get(name.partition("/")[0])
    tracemalloc.start()
    try:
        outcome(tmp_path / "log", content, name.partition("/")[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(content)


COPIED = re.compile(
    rb'"(id|uuid|parentUuid|sessionId|session_id|parentId|messageId|call_id|tool_use_id|toolCallId)": ?"([^"]*)"'
)


ONCE = 256 * 1024
"""Bytes that a log may take besides, however short it is: the tables of a format, and the last lines that were read."""


@pytest.mark.parametrize("name", LINES)
def test_many_small_records_and_little_memory(tmp_path: Path, name: str) -> None:
    """Its records again and again under fresh ids; a line is about 100 to 500 bytes."""
    lines, content = CONTENT[name].splitlines(), bytearray()
    while len(content) < 200_000:
        content += b"\n".join(renamed(line, len(content)) for line in lines) + b"\n"
    peak, made = memory(name, tmp_path / "log", content)
    assert made > 5
    assert peak < 10 * len(content) + ONCE


@pytest.mark.parametrize("name", DOCUMENTS)
def test_many_small_members_and_little_memory(tmp_path: Path, name: str) -> None:
    """Its longest list again and again. What is read whole takes 8 times its room, a step or call up to 2 kB."""
    data = json.loads(CONTENT[name])
    lists = [value for loc in places(data) if isinstance(value := found_at(data, loc), list)]
    longest = max(lists, key=lambda value: len(json.dumps(value)))
    content = json.dumps(longest).encode()
    for number in range(100_000 // len(content)):
        longest += json.loads(renamed(content, number))
    content = json.dumps(data).encode()
    peak, made = memory(name, tmp_path / "log", content)
    assert peak < max(10 * len(content), 8 * len(content) + 2_000 * made) + ONCE


def renamed(record: bytes, number: int) -> bytes:
    return COPIED.sub(rb'"\1": "\2-' + b"%d" % number + b'"', record)


def found_at(data: Any, loc: tuple[str | int, ...]) -> Any:
    for key in loc:
        data = data[key]
    return data


def memory(name: str, file: Path, content: bytes | bytearray) -> tuple[int, int]:
    """Bytes that reading takes at most, and the number of steps, calls and results."""
    file.write_bytes(content)
    importer = registry().get(name.partition("/")[0])
    importer.read(Source(LOGS[name]))  # what is made once
    tracemalloc.start()
    try:
        found = importer.read(Source(file))
        reports = [attempt.report for attempt in found]
        return tracemalloc.get_traced_memory()[1], sum(r.steps + r.calls + r.observations for r in reports)
    finally:
        tracemalloc.stop()


def lengthened(data: Any, by: str) -> Any:
    if isinstance(data, dict):
        return {key: lengthened(value, by) for key, value in data.items()}
    if isinstance(data, list):
        return [lengthened(value, by) for value in data]
    return data + by if isinstance(data, str) and " " in data else data


@FEW
@given(st.sampled_from(FILES), st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_any_bytes_may_be_damaged(tmp_path: Path, name: str, at: int, damage: bytes) -> None:
    content = CONTENT[name]
    at %= len(content)
    outcome(tmp_path / "log", content[:at] + damage + content[at + len(damage) :])


@FEW
@given(st.binary(max_size=200), st.sampled_from([None, *BUILT_IN]))
def test_anything_else_is_no_log(tmp_path: Path, content: bytes, form: str | None) -> None:
    assert outcome(tmp_path / "log", content, form)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "found an empty file"),
        (b" \n", "found an empty file"),
        (OLD.decode().encode("utf-16"), "must be UTF-8 text, found UTF-16"),
        (b'{"schema_version": "ATIF-v1.2\xff"}', "found byte 0xff at offset 29"),
        (OLD.replace(b"Count", b"Co\0nt"), "found a NUL byte"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "must not be nested deeper than"),
        (b"[" * 100_000, "must not be nested deeper than"),
        (b"a text", "is not a log of a known format; known are atif, opencode"),
        (b'{"schema_version": "ATIF-v1.9", "steps": []}', "is `ATIF-v1.9`; this version of Assay reads ATIF-v1.0 to"),
        (b'{"schema_version": "ATIF-v2.0", "steps": []}', "is `ATIF-v2.0`"),
        (
            b'{"schema_version": "ATIF-v1.8", "agent": {}, "steps": []}',
            "must be an ATIF trajectory with at least one step",
        ),
        (b'{"schema_version": "ATIF-v1.8", "agent": {}, "steps": [{}]}', "`/steps/0` must be from `system`, `user` or"),
        (b'{"info": {}, "messages": []}', "is not a log of a known format"),
        (
            b'{"info": {}, "messages": [{"info": {"role": "user"}, "parts": 7}]}',
            ":1:63: `/messages/0/parts` must be a list",
        ),
    ],
)
def test_the_line_says_what_is_wrong(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in outcome(tmp_path / "log.json", content)


def test_a_wrong_type_is_named_with_its_place(tmp_path: Path) -> None:
    log = json.loads(OLD)
    log["steps"][2]["tool_calls"][1]["function_name"] = 7
    text = json.dumps(log, indent=1)
    line = text[: text.index('"function_name": 7')].count("\n") + 1
    message = outcome(tmp_path / "log.json", text.encode())
    assert message.endswith(
        f"log.json:{line}:23: `/steps/2/tool_calls/1/function_name` must be text, found the number 7"
    )


def test_halves_of_surrogate_pairs_become_a_visible_mark(tmp_path: Path) -> None:
    text = OLD.decode()
    text = text.replace("Count the words.", r"a\ud83db \\ud83d \ud83d\ude00 \udc00")
    (tmp_path / "log.json").write_text(text)
    log = only(registry().read(tmp_path / "log.json"))
    assert log.trajectory.steps[0].text == "a\ufffdb \\ud83d \U0001f600 \ufffd"


def test_arguments_that_are_no_object_are_kept(tmp_path: Path) -> None:
    log = json.loads(OLD)
    for call, arguments in zip(log["steps"][2]["tool_calls"], ('{"cmd": "ls"}', "plain words"), strict=True):
        call["arguments"] = arguments
    log["steps"][3]["tool_calls"][0]["arguments"] = json.dumps(nested(95))
    file = tmp_path / "log.json"
    file.write_text(json.dumps(log))
    found = only(registry().read(file))
    calls = [call.arguments for step in found.trajectory.steps for call in step.tool_calls or ()]
    assert calls[:2] == [{"command": "ls"}, {"input": "plain words"}]
    assert json.loads(calls[2]["input"]) == nested(95)
    readable(written(found))
