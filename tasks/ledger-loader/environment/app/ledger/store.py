"""The SQLite file."""

import sqlite3
from datetime import datetime, timezone

SCHEMA = """
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
);
CREATE INDEX IF NOT EXISTS postings_by_account ON postings (account, booked_on);
"""


class Store:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)
        self.conn.row_factory = sqlite3.Row
        self.conn.executescript(SCHEMA)

    def close(self):
        self.conn.close()

    def add(self, posting, file):
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.conn.execute(
            "INSERT INTO postings (source, posting_id, account, currency, amount, booked_on, memo, file, loaded_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*posting, file, now),
        )

    def commit(self):
        self.conn.commit()

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
        query = "SELECT source, posting_id, account, currency, amount, booked_on, memo FROM postings"
        params = ()
        if account is not None:
            query += " WHERE account = ?"
            params = (account,)
        return self.conn.execute(query + " ORDER BY booked_on, source, posting_id", params).fetchall()
