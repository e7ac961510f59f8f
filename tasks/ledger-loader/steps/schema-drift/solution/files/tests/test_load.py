import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.columns import Columns
from ledger.errors import BatchError
from ledger.loader import load_file as load_with
from ledger.postings import parse_row
from ledger.readers import source_of
from ledger.reports import build
from ledger.store import Store

COLUMNS = Columns.read()
SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def load_file(store, path):
    return load_with(store, path, COLUMNS)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "ledger.db")
    yield store
    store.close()


def test_balances_after_one_file(store):
    load_file(store, SAMPLES / "acme-bank_20240301.csv")
    assert build(store, "balances") == [
        {"account": "001200", "currency": "EUR", "balance": "1174.50", "postings": 2},
        {"account": "001200", "currency": "JPY", "balance": "48000", "postings": 1},
        {"account": "004410", "currency": "USD", "balance": "310.00", "postings": 1},
    ]


def test_ndjson_and_monthly(store):
    load_file(store, SAMPLES / "paygate_20240302_a.ndjson")
    rows = build(store, "monthly")
    assert [(r["month"], r["account"], r["currency"], r["total"]) for r in rows] == [
        ("2024-03", "001200", "EUR", "15.00"),
        ("2024-03", "007003", "EUR", "4.00"),
        ("2024-03", "007003", "KWD", "2.125"),
    ]


def test_missing_field_names_the_line():
    row = {"posting_id": "1", "account": "", "amount": "1", "currency": "EUR", "booked_on": "2024-03-01"}
    with pytest.raises(BatchError, match="line 7: account is missing"):
        parse_row("acme-bank", 7, row, COLUMNS)


def test_source_comes_from_the_file_name():
    assert source_of("in/acme-bank_20240301_late.csv") == "acme-bank"
    with pytest.raises(BatchError):
        source_of("postings.csv")


def test_command_line(tmp_path):
    db = str(tmp_path / "cli.db")
    run = [sys.executable, "-m", "ledger"]
    out = subprocess.run([*run, "load", "--db", db, str(SAMPLES / "acme-bank_20240301.csv")],
                         capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert out.stdout == "loaded 4 rows from acme-bank_20240301.csv, 0 already known\n"
    out = subprocess.run([*run, "report", "postings", "--db", db, "--account", "004410", "--format", "json"],
                         capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert [row["posting_id"] for row in json.loads(out.stdout)] == ["AB-1003"]


def test_same_bytes_twice(store, tmp_path):
    load_file(store, SAMPLES / "acme-bank_20240301.csv")
    copy = tmp_path / "acme-bank_20240301_again.csv"
    copy.write_bytes((SAMPLES / "acme-bank_20240301.csv").read_bytes())
    assert load_file(store, copy).status == "already-applied"
    assert len(store.postings()) == 4


def test_overlap_counts_once(store):
    load_file(store, SAMPLES / "acme-bank_20240301.csv")
    result = load_file(store, SAMPLES / "acme-bank_20240302.csv")
    assert (result.new, result.duplicate) == (2, 1)


@pytest.mark.parametrize("last", ["AB-9,001200,EUR,oops,2024-03-03,", "AB-9,001200,EUR", "AB-1,001200,EUR,8,2024-03-03,"])
def test_one_bad_row_refuses_the_file(store, tmp_path, last):
    rows = [f"AB-{n},001200,EUR,1.00,2024-03-03," for n in range(1, 900)]
    path = tmp_path / "acme-bank_20240303.csv"
    path.write_text("\n".join(["posting_id,account,currency,amount,booked_on,memo", *rows, last]))
    result = load_file(store, path)
    assert result.status == "refused"
    assert "line 901" in result.error
    assert store.postings() == [] and store.batches() == []


def test_old_database_is_upgraded(tmp_path):
    conn = sqlite3.connect(tmp_path / "old.db")
    conn.execute("CREATE TABLE postings (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,"
                 " posting_id TEXT NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL, amount INTEGER NOT NULL,"
                 " booked_on TEXT NOT NULL, memo TEXT NOT NULL DEFAULT '', file TEXT NOT NULL, loaded_at TEXT NOT NULL)")
    for _ in range(2):
        conn.execute("INSERT INTO postings VALUES (NULL, 'acme-bank', 'AB-1001', '001200', 'EUR', 125000, '2024-03-01',"
                     " 'Invoice 881', 'acme-bank_20240301.csv', '2024-03-01T06:00:00+00:00')")
    conn.commit()
    conn.close()
    store = Store(tmp_path / "old.db")
    assert len(store.postings()) == 1
    result = load_file(store, SAMPLES / "acme-bank_20240301.csv")
    assert (result.status, result.new, result.duplicate) == ("applied", 3, 1)
    store.close()
