"""The SQLite file: schema, migrations, transactions and queries."""

import json
import sqlite3
from contextlib import contextmanager
from datetime import datetime, timezone

# Loads wait for each other instead of failing; well above the longest load we have seen.
BUSY_SECONDS = 60.0

POSTINGS = """
CREATE TABLE IF NOT EXISTS postings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    posting_id TEXT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    booked_on TEXT NOT NULL,
    memo TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL,
    loaded_at TEXT NOT NULL
)
"""

# Each entry lifts a database from version i to i + 1. Single statements, because `executescript` would commit.
MIGRATIONS = [
    [
        POSTINGS,
        "CREATE INDEX IF NOT EXISTS postings_by_account ON postings (account, booked_on)",
        # Versions up to 0.4 stored a posting again whenever a file was loaded again.
        "DELETE FROM postings WHERE id NOT IN (SELECT MIN(id) FROM postings GROUP BY source, posting_id)",
        "ALTER TABLE postings ADD COLUMN batch INTEGER NOT NULL DEFAULT 0",
        "CREATE UNIQUE INDEX postings_identity ON postings (source, posting_id)",
        "CREATE TABLE batches (seq INTEGER PRIMARY KEY, source TEXT NOT NULL, digest TEXT NOT NULL, file TEXT NOT NULL,"
        " new INTEGER NOT NULL, duplicate INTEGER NOT NULL, applied_at TEXT NOT NULL, UNIQUE (source, digest))",
    ],
    ["ALTER TABLE postings ADD COLUMN extra TEXT NOT NULL DEFAULT '{}'"],
]


class Store:
    def __init__(self, path):
        self.conn = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self.conn.row_factory = sqlite3.Row
        if self._version() < len(MIGRATIONS):
            self._migrate()

    def close(self):
        self.conn.close()

    def _version(self):
        return self.conn.execute("PRAGMA user_version").fetchone()[0]

    def _migrate(self):
        with self.transaction():
            # Another process may have migrated while this one waited for the lock.
            for version in range(self._version(), len(MIGRATIONS)):
                for statement in MIGRATIONS[version]:
                    self.conn.execute(statement)
                self.conn.execute(f"PRAGMA user_version = {version + 1}")

    @contextmanager
    def transaction(self):
        """All or nothing, and alone: the write lock is taken before anything is read."""
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.conn.execute("COMMIT")
        except BaseException:
            if self.conn.in_transaction:  # SQLite has already rolled back after some I/O errors
                self.conn.execute("ROLLBACK")
            raise

    def has_batch(self, source, digest):
        query = "SELECT 1 FROM batches WHERE source = ? AND digest = ?"
        return self.conn.execute(query, (source, digest)).fetchone() is not None

    def open_batch(self, source, digest, file):
        """Register a batch and return its number; counts are filled in by `close_batch`."""
        seq = self.conn.execute("SELECT COALESCE(MAX(seq), 0) + 1 FROM batches").fetchone()[0]
        self.conn.execute("INSERT INTO batches VALUES (?, ?, ?, ?, 0, 0, ?)", (seq, source, digest, file, _now()))
        return seq

    def close_batch(self, seq, new, duplicate):
        self.conn.execute("UPDATE batches SET new = ?, duplicate = ? WHERE seq = ?", (new, duplicate, seq))

    def find(self, source, posting_id):
        query = "SELECT * FROM postings WHERE source = ? AND posting_id = ?"
        return self.conn.execute(query, (source, posting_id)).fetchone()

    def add(self, posting, seq, file):
        self.conn.execute(
            "INSERT INTO postings (source, posting_id, account, currency, amount, booked_on, memo, extra, batch, file,"
            " loaded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*posting[:-1], json.dumps(posting.extra, ensure_ascii=False), seq, file, _now()),
        )

    def fill_gaps(self, stored, extra):
        """Add the added columns that the stored posting has no value for."""
        known = json.loads(stored["extra"])
        if extra.keys() - known.keys():
            merged = json.dumps({**extra, **known}, ensure_ascii=False)
            self.conn.execute("UPDATE postings SET extra = ? WHERE id = ?", (merged, stored["id"]))

    def batches(self):
        return self.conn.execute("SELECT seq, source, file, new, duplicate FROM batches ORDER BY seq").fetchall()

    def balances(self):
        return self.conn.execute(
            "SELECT account, currency, SUM(amount) AS amount, COUNT(*) AS postings"
            " FROM postings GROUP BY account, currency ORDER BY account, currency"
        ).fetchall()

    def monthly(self):
        return self.conn.execute(
            "SELECT substr(booked_on, 1, 7) AS month, account, currency, SUM(amount) AS amount, COUNT(*) AS postings"
            " FROM postings GROUP BY month, account, currency ORDER BY month, account, currency"
        ).fetchall()

    def postings(self, account=None):
        query = "SELECT source, posting_id, account, currency, amount, booked_on, memo, extra FROM postings"
        params = ()
        if account is not None:
            query += " WHERE account = ?"
            params = (account,)
        return self.conn.execute(query + " ORDER BY booked_on, source, posting_id", params).fetchall()


def _now():
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
