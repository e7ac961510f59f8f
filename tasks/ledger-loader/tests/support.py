"""Runs the submitted program as an unprivileged user and reads what it prints; shared by all milestones."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = 65534
SHIPPED = (Path("/app/ledger"), Path("/app/config"))
TIMEOUT = 60.0
# Memory, where there is any: the databases are small, and a busy disk makes every commit slow.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
HEADER = "posting_id,account,currency,amount,booked_on,memo"
# The table of the version in production (0.2 to 0.4), for databases older than the submitted code.
LEGACY_SCHEMA = """
CREATE TABLE postings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, posting_id TEXT NOT NULL, account TEXT NOT NULL,
    currency TEXT NOT NULL, amount INTEGER NOT NULL, booked_on TEXT NOT NULL, memo TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL, loaded_at TEXT NOT NULL
);
CREATE INDEX postings_by_account ON postings (account, booked_on);
"""


class Ledger:
    """A private copy of the program with an inbox and a database, all owned by the unprivileged user."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.inbox = home / "inbox"
        self.db = home / "ledger.db"

    def drop(self, name: str, content: str | bytes) -> str:
        """Write a batch file; the path to give to `load`."""
        path = self.inbox / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def csv(self, name: str, *rows: str, header: str = HEADER) -> str:
        return self.drop(name, "\n".join((header, *rows)) + "\n")

    def ndjson(self, name: str, *rows: Mapping[str, Any] | str) -> str:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        return self.drop(name, "\n".join(lines) + "\n")

    def legacy(self, *rows: tuple[str, str, str, str, int, str, str]) -> None:
        """Create the database as the old version left it: (source, id, account, currency, minor, date, memo)."""
        conn = sqlite3.connect(self.db)
        conn.executescript(LEGACY_SCHEMA)
        conn.executemany(
            "INSERT INTO postings (source, posting_id, account, currency, amount, booked_on, memo, file, loaded_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'old.csv', '2024-02-29T06:00:00+00:00')",
            rows,
        )
        conn.commit()
        conn.close()
        os.chown(self.db, NOBODY, NOBODY)

    def start(self, *args: str, setup: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """Start `python3 -m ledger ARGS` as the unprivileged user, in its own process group."""
        command = [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "--no-new-privs",
            "/usr/bin/python3",
            "-m",
            "ledger",
            *args,
        ]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
        }
        return subprocess.Popen(
            command,
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=setup,
            errors="replace",
        )

    def run(self, *args: str, setup: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        return finish(self.start(*args, setup=setup))

    def load(self, *paths: str, status: int = 0, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """`load --json`; checks the exit status, returns the printed objects."""
        done = self.run("load", "--db", str(self.db), "--json", *options, *paths)
        assert done.returncode == status, f"load ended {done.returncode}, expected {status}\n{done.stdout}{done.stderr}"
        return parse_lines(done.stdout)

    def report(self, name: str, *options: str) -> list[dict[str, Any]]:
        done = self.run("report", name, "--db", str(self.db), "--format", "json", *options)
        assert done.returncode == 0, f"report {name} ended {done.returncode}\n{done.stderr}"
        rows = json.loads(done.stdout)
        assert isinstance(rows, list)
        return rows

    def balances(self, *options: str) -> dict[tuple[str, str], tuple[str, int]]:
        """(account, currency) -> (balance, number of postings)."""
        return {(r["account"], r["currency"]): (r["balance"], r["postings"]) for r in self.report("balances", *options)}

    def amounts(self, *options: str) -> dict[tuple[str, str], str]:
        """(source, posting id) -> amount, from the postings report; a posting listed twice is an error."""
        rows = self.report("postings", *options)
        found = {(r["source"], r["posting_id"]): r["amount"] for r in rows}
        assert len(found) == len(rows), "a posting is listed more than once"
        return found

    def posting(self, posting_id: str) -> dict[str, Any]:
        rows = [r for r in self.report("postings") if r["posting_id"] == posting_id]
        assert len(rows) == 1, f"{posting_id} is listed {len(rows)} times"
        return rows[0]


@contextmanager
def ledger() -> Iterator[Ledger]:
    """A fresh copy, removed afterwards together with every process of the unprivileged user."""
    home = Path(tempfile.mkdtemp(prefix="ledger-", dir=SCRATCH))
    try:
        for source in SHIPPED:
            shutil.copytree(source, home / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        (home / "inbox").mkdir()
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        yield Ledger(home)
    finally:
        kill_strays()
        shutil.rmtree(home, ignore_errors=True)


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for the end; a program that hangs is killed with its whole group and fails the test."""
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        kill_group(process)
        process.communicate()
        raise AssertionError(f"the program did not end within {TIMEOUT:.0f} s") from None
    kill_group(process)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_strays() -> None:
    """Kill whatever the program left running under the unprivileged user."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == NOBODY:
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def parse_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def counts(result: Mapping[str, Any], *keys: str) -> tuple[Any, ...]:
    """Status and the named numbers of one printed object."""
    return (result["status"], *(result[key] for key in keys))


def full_disk(limit: int) -> Callable[[], None]:
    """Files of the program cannot grow beyond `limit` bytes: what a full disk looks like to SQLite."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
