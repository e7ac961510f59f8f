"""Results without transcripts: tables of who resolved what, in CSV, in JSON Lines, and as benchmarks write them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from assay.importers.source import ImportFailed, Node, Source
from assay.importers.table_rows import Notes, Reader, Row, Table, reported
from assay.importers.tables_benchmarks import reader as benchmarks
from assay.importers.tables_benchmarks import trials_below

FORMAT = "results"
"""What `--format` calls them all."""
_COLUMNS = {
    "task": ("task", "task_id", "instance_id"),
    "agent": ("agent", "agent_name"),
    "model": ("model", "model_name", "model_name_or_path"),
    "trial": ("trial", "trial_name", "attempt"),
    "resolved": ("resolved", "is_resolved"),
    "reward": ("reward", "score"),
    "outcome": ("outcome",),
    "tests": ("tests",),
}
"""Our columns and what others call them; the first that is there counts."""
_VERDICTS = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}
_NOTHING = frozenset({"", "null", "none", "na", "nan"})
_START = 4000
"""Bytes in which the first object of JSON Lines shows its columns."""
_FLAGS = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:true|false)')
_RESULT = re.compile(rb'"(?:resolved|is_resolved|reward|score|outcome)"\s*:')
_MARKS = (b'"patch_successfully_applied"', b'"tests_status"', b'"resolved_ids"', b'"is_resolved"')
_STATUS = {"pass": "passed", "true": "passed", "fail": "failed", "false": "failed", "skip": "skipped"}


def is_table(source: Source) -> bool:
    """Whether the content is a table of results and nothing else. Does not raise."""
    return not source.is_folder and _may_be_one(source.content) and _reader(source) is not None


def _may_be_one(content: bytes) -> bool:
    """A quick look, so that logs, which may be large, are not parsed for nothing."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return not content.startswith((b"PK", b"SQLi"))
    start = content[:_START].lstrip(b"\xef\xbb\xbf")
    return bool(_FLAGS.match(start) or _RESULT.search(start) or any(mark in content for mark in _MARKS))


def read(source: Source) -> Table:
    """The table's rows. Raises `ImportFailed` for the first that is not right: half a table would be another result."""
    found = ("terminal-bench", trials_below) if source.is_folder else _reader(source, trials=True)
    if found is None:
        hint = "CSV or JSON Lines have the columns task, agent, [model], trial, and resolved or reward"
        raise ImportFailed(f"{source.path}: must be a table of results of a known form", hint)
    notes = Notes()
    rows = tuple(found[1](source, notes))
    if not rows:
        raise ImportFailed(f"{source.path}: must have a row")
    return Table(found[0], rows, tuple(notes.lines))


def _reader(source: Source, *, trials: bool = False) -> tuple[str, Reader] | None:
    data = source.peek()
    if data is None and not source.head:
        return ("csv", _csv) if _is_csv(source) else None
    if _has_columns(source.head[0] if source.head else {}):
        return "jsonl", _json_lines
    return benchmarks(data, trials=trials)


def _has_columns(names: Mapping[str, Any]) -> bool:
    known = [column for column, others in _COLUMNS.items() if any(other in names for other in others)]
    return "task" in known and bool({"resolved", "reward", "outcome"} & {*known}) and "parser_results" not in names


def _is_csv(source: Source) -> bool:
    start = source.content[:20_000].decode("utf-8-sig", "replace").splitlines()
    return bool(start) and _has_columns(dict.fromkeys(_header(start[0])))


def _header(line: str) -> list[str]:
    try:
        return [name.strip().lower() for name in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _csv(source: Source, notes: Notes) -> Iterator[Row]:
    text = source.text
    header = _header(text.splitlines()[0])
    notes.unused(name for name in header if not any(name in others for others in _COLUMNS.values()))
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        next(lines)
        for cells in lines:
            place = f"{source.path}:{lines.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise ImportFailed(f"{place}:1: must have {len(header)} cells, as the header has, found {len(cells)}")
            yield _row(dict(zip(header, cells, strict=True)), place)
    except csv.Error as error:
        raise ImportFailed(f"{source.path}:{lines.line_num}:1: must be CSV; {error}") from None


def _json_lines(source: Source, notes: Notes) -> Iterator[Row]:
    found = source.lines
    if found.failures:
        raise found.failures[0]
    names = dict.fromkeys(key for node in found.roots for key in node.mapping().value)
    notes.unused(name for name in names if not any(name in others for others in _COLUMNS.values()))
    for node in found.roots:
        yield _row(node.value, f"{source.path}:{_line(node)}")


def _line(node: Node) -> int:
    return node.source.position(node.loc, node.line).line


def _row(values: Mapping[str, Any], place: str) -> Row:
    cells = {
        column: next((values[other] for other in others if other in values), None)
        for column, others in _COLUMNS.items()
    }
    names = {column: _name(cells[column], column, place) for column in ("task", "agent", "model", "trial")}
    if names["task"] is None:
        _wrong(place, "task", "the name of a task", cells["task"])
    resolved, reward = _verdict(cells["resolved"], place), _number(cells["reward"], place)
    outcome = _name(cells["outcome"], "outcome", place)
    tests = list(_tests(cells["tests"], place))
    return Row(place, reported=reported(place, resolved, reward, outcome=outcome, tests=tests), **names)


def _empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in _NOTHING)


def _name(cell: Any, column: str, place: str) -> str | None:
    if _empty(cell):
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        _wrong(place, column, "text", cell)
    return str(cell).strip()


def _verdict(cell: Any, place: str) -> bool | None:
    if _empty(cell):
        return None
    found = _VERDICTS.get(str(cell).strip().lower())
    return _wrong(place, "resolved", "true, false or empty", cell) if found is None else found


def _number(cell: Any, place: str) -> float | None:
    if _empty(cell):
        return None
    try:
        number = float(cell) if isinstance(cell, str | int | float) and abs(float(cell)) < 1e300 else None
    except (ValueError, OverflowError):
        number = None
    return _wrong(place, "reward", "a number or empty", cell) if number is None else number


def _tests(cell: Any, place: str) -> Iterator[dict[str, Any]]:
    """`{"name": "passed"}`, or a list of objects with `name` and `status`; in CSV as JSON text."""
    if _empty(cell):
        return
    try:
        found = json.loads(cell) if isinstance(cell, str) else cell
    except (ValueError, RecursionError):
        _wrong(place, "tests", "JSON", cell)
    pairs = list(found.items()) if isinstance(found, dict) else None
    if pairs is None and isinstance(found, list) and all(isinstance(item, dict) for item in found):
        pairs = [(item.get("name"), item.get("status")) for item in found]
    if pairs is None:
        _wrong(place, "tests", 'an object such as {"test_a": "passed"}', cell)
    for name, status in pairs:
        word = str(status).strip().lower()
        yield {"name": name, "status": _STATUS.get(word, word), "seconds": 0}


def _wrong(place: str, column: str, must: str, found: Any) -> NoReturn:
    raise ImportFailed(f"{place}:1: `{column}` must be {must}, found `{str(found)[:40]}`".replace("\n", " "))
