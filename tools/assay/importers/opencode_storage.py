"""Where OpenCode keeps its sessions: a folder of small JSON files, a SQLite database, or the lines of a run."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from assay.importers.building import Account, records
from assay.importers.opencode_reading import Message, Session
from assay.importers.source import ImportFailed, Node, Source

_TABLES = {"session", "message", "part"}
_LINES = frozenset({"step_start", "step_finish", "text", "reasoning", "tool_use", "error"})

_BROKEN = (sqlite3.Error, OSError, IndexError, UnicodeError)
"""What a damaged database raises; an error's own text may be no text."""


def is_storage(source: Source) -> bool:
    """Whether it is the folder `storage`, or the one above it. Does not raise."""
    return source.is_folder and _base(source) is not None


def _base(source: Source) -> str | None:
    found = (base for base in ("", "storage/") if any(source.path.glob(f"{base}session/*/*.json")))
    return next((base for base in found if any(source.path.glob(f"{base}message/*/*.json"))), None)


def of_storage(source: Source) -> list[Session]:
    """The sessions of the folder, in the order of their files' names. Raises `ImportFailed`."""
    base = _base(source) or ""
    parts, messages = defaultdict[str, list[Node]](list), defaultdict[str, list[tuple[str, Node]]](list)
    for file in source.inside(f"{base}part/*/*.json"):
        parts[file.path.parent.name].append(file.root.mapping())
    for file in source.inside(f"{base}message/*/*.json"):
        messages[file.path.parent.name].append((file.path.stem, file.root.mapping()))
    found = []
    for file in source.inside(f"{base}session/*/*.json"):
        key, info = file.path.stem, file.root.mapping()
        ordered = sorted(messages[key], key=lambda item: (_created(item[1]), item[0]))
        said = [Message(message, parts[name]) for name, message in ordered]
        found.append(Session(key, info.text("parentID") or "", info, said))
    return found


def _created(info: Node) -> float:
    time = info.object("time")
    return (time.number("created") if time else None) or 0.0


class _Row(Source):
    """The JSON text of one row; the path says of which."""

    def __init__(self, database: Path, table: str, number: int, text: Any) -> None:
        super().__init__(Path(f"{database}:{table} {number}"))
        self.is_folder = False
        self.content = text.encode() if isinstance(text, str) else b""


def is_database(source: Source) -> bool:
    """Whether it is a SQLite database with OpenCode's tables. Does not raise."""
    if source.is_folder or not source.content.startswith(b"SQLite format 3\0"):
        return False
    try:
        with _opened(source) as database:
            return {
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
            } >= _TABLES
    except _BROKEN:
        return False


def of_database(source: Source) -> list[Session]:
    """The sessions of the database, in the order in which they began. Raises `ImportFailed`."""
    try:
        with _opened(source) as database:
            database.row_factory = sqlite3.Row
            rows = {
                "session": database.execute("SELECT * FROM session ORDER BY time_created, id").fetchall(),
                "message": database.execute("SELECT * FROM message ORDER BY time_created, id").fetchall(),
                "part": database.execute("SELECT * FROM part ORDER BY id").fetchall(),
            }
            return _joined(source, **rows)
    except _BROKEN as error:
        raise ImportFailed(f"{source.path}: must be a whole database of OpenCode; {error}") from None


def _joined(
    source: Source, session: Sequence[sqlite3.Row], message: Sequence[sqlite3.Row], part: Sequence[sqlite3.Row]
) -> list[Session]:
    def root(table: str, number: int, text: Any) -> Node:
        return _Row(source.path, table, number, text).root.mapping()

    parts, messages = defaultdict[Any, list[Node]](list), defaultdict[Any, list[Message]](list)
    for number, row in enumerate(part, 1):
        parts[row["message_id"]].append(root("part", number, row["data"]))
    for number, row in enumerate(message, 1):
        messages[row["session_id"]].append(Message(root("message", number, row["data"]), parts[row["id"]]))
    found = []
    for number, row in enumerate(session, 1):
        told = {key: row[key] for key in row.keys() if isinstance(row[key], str | int | float)}  # noqa: SIM118
        told |= {"time": {"created": row["time_created"]}}
        info = root("session", number, json.dumps(told, default=str))
        found.append(Session(str(row["id"]), str(row["parent_id"] or ""), info, messages[row["id"]]))
    return found


@contextmanager
def _opened(source: Source) -> Iterator[sqlite3.Connection]:
    """For reading only. What the program had not yet moved from the log beside it is read too, in a copy."""
    log = source.path.with_name(f"{source.path.name}-wal")
    with TemporaryDirectory(prefix="assay-") as folder:
        path, mode = source.path.absolute(), "mode=ro&immutable=1"
        if log.is_file() and log.stat().st_size:
            path, mode = Path(folder, "database"), "mode=rw"
            shutil.copyfile(source.path, path)
            shutil.copyfile(log, f"{path}-wal")
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)) as database:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            yield database


def is_run(source: Source) -> bool:
    """Whether its lines are what `opencode run --format json` prints. Does not raise."""
    return not source.is_folder and any(
        str(item.get("type")) in _LINES and isinstance(item.get("sessionID"), str) for item in source.head
    )


def of_run(source: Source, account: Account) -> list[Session]:
    """The session whose lines these are: each says what the agent did, none what it was asked."""
    sessions = defaultdict[str, dict[str, tuple[Node, list[Node]]]](dict)
    seen = set[str]()
    for line in records(source, account):
        kind, part = line.text("type") or "none", line.object("part")
        if kind not in _LINES or (part is None and kind != "error"):
            account.skipped[f"line `{kind}`"] += 1
        elif part is None:
            error = line.object("error")
            account.odd[f"replies that ended in {(error.text('name') if error else None) or 'an error'}"] += 1
        elif (key := part.text("id")) and key in seen:
            account.dropped["part that is there twice"] += 1
        else:
            seen.add(key or "")
            message = part.text("messageID") or ""
            spoken = {"role": "assistant", "time": {"created": line.number("timestamp")}}
            start = (Node(line.source, line.loc, spoken, line.line), list[Node]())
            sessions[line.text("sessionID") or ""].setdefault(message, start)[1].append(part)
    account.open.append("What the agent was asked is not in the log.")
    return [
        Session(key, "", None, [Message(info, parts) for info, parts in messages.values()])
        for key, messages in sessions.items()
    ]
