import json
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import BatchError
from ledger.loader import load_file
from ledger.postings import parse_row
from ledger.readers import source_of
from ledger.reports import build
from ledger.store import Store

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


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
    with pytest.raises(BatchError, match="line 7: account is missing"):
        parse_row("acme-bank", 7, {"posting_id": "1", "amount": "1", "currency": "EUR", "booked_on": "2024-03-01"})


def test_source_comes_from_the_file_name():
    assert source_of("in/acme-bank_20240301_late.csv") == "acme-bank"
    with pytest.raises(BatchError):
        source_of("postings.csv")


def test_command_line(tmp_path):
    db = str(tmp_path / "cli.db")
    run = [sys.executable, "-m", "ledger"]
    out = subprocess.run([*run, "load", "--db", db, str(SAMPLES / "acme-bank_20240301.csv")],
                         capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert out.stdout == "loaded 4 rows from acme-bank_20240301.csv\n"
    out = subprocess.run([*run, "report", "postings", "--db", db, "--account", "004410", "--format", "json"],
                         capture_output=True, text=True, check=True, cwd=SAMPLES.parent)
    assert [row["posting_id"] for row in json.loads(out.stdout)] == ["AB-1003"]
