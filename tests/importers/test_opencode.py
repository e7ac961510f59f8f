"""The places where OpenCode keeps sessions beside its exports."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assay.importers import ImportFailed, registry
from tests.importers.reading import FIXTURES, attempts, imported, only

HERE = FIXTURES / "opencode"


def test_folder_and_database_give_the_same_session() -> None:
    kept, (first, second) = imported("opencode/kept"), attempts("opencode/sessions.db")
    assert kept.trajectory == first.trajectory
    assert kept.label == ""
    assert [log.label for log in (first, second)] == [log.identity.extra["session_id"] for log in (first, second)]
    assert kept.report.skipped == first.report.skipped == {"part `hologram`": 1}


def test_the_folder_itself_is_known_too() -> None:
    assert only(registry().read(HERE / "kept/storage")).trajectory == imported("opencode/kept").trajectory


def test_what_stands_in_the_log_beside_the_database_is_read(tmp_path: Path) -> None:
    file = tmp_path / "opencode.db"
    shutil.copyfile(HERE / "sessions.db", file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        text = json.dumps({"type": "text", "text": "And one thing more."})
        last = database.execute("SELECT id, session_id FROM message ORDER BY id DESC").fetchone()
        database.execute("INSERT INTO part VALUES (?, ?, ?, ?)", ("prt_zz", *last, text))
        database.commit()
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith("-shm")}
        assert "opencode.db-wal" in before
        found = registry().read(file)[1]
        assert found[1].trajectory.steps[-1].text.endswith("And one thing more.")
        assert all((tmp_path / name).read_bytes() == content for name, content in before.items())


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE part SET data = '{' WHERE message_id LIKE '%1AAAA%'", ":part 1:1:"),
        ("UPDATE message SET data = NULL", ":message 1"),
        ("ALTER TABLE session RENAME COLUMN parent_id TO parent", "must be a whole database of OpenCode"),
        ("DELETE FROM message", "must hold a session of OpenCode with at least one message"),
        ("UPDATE session SET parent_id = id", "must hold a session of OpenCode"),
    ],
)
def test_databases_that_are_not_right(tmp_path: Path, statement: str, says: str) -> None:
    file = tmp_path / "opencode.db"
    shutil.copyfile(HERE / "sessions.db", file)
    with closing(sqlite3.connect(file)) as database:
        database.execute(statement)
        database.commit()
    with pytest.raises(ImportFailed) as failed:
        registry().read(file)
    assert failed.value.message.startswith(f"{file}:")
    assert says in failed.value.message


def test_a_table_that_is_computed_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "opencode.db"
    with closing(sqlite3.connect(file)) as database:
        for table in ("session", "message", "part"):
            database.execute(f"CREATE VIEW {table} AS SELECT 1")
    with pytest.raises(ImportFailed, match="is not a log of a known format"):
        registry().read(file)


def test_lines_of_a_run_account_for_themselves() -> None:
    report = imported("opencode/run.jsonl").report
    assert (report.steps, report.calls, report.observations) == (3, 2, 2)
    assert report.skipped == {"line `banner`": 1}
    assert "1 × part that is there twice" in report.dropped
    assert "replies that ended in APIError: 1" in report.notes
    assert "What the agent was asked is not in the log." in report.notes
