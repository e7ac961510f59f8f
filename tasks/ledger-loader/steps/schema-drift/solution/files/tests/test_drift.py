import json

import pytest

from ledger import values
from ledger.columns import Columns
from ledger.errors import BatchError
from ledger.loader import load_file
from ledger.reports import build
from ledger.store import Store


@pytest.mark.parametrize("cell", ["2024-03-02", "20240302", 20240302, "02.03.2024", "2024-03-01T23:30:00-05:00",
                                  "2024-03-02 08:00:00Z", "2024-03-02T00:00:00", 1709337600, "1709337600"])
def test_booking_days(cell):
    assert values.booking_day(cell) == "2024-03-02"


@pytest.mark.parametrize("text", ["12,50", "1,23.00", "1234,567.00", ",123"])
def test_other_commas(text):
    with pytest.raises(ValueError):
        values.amount(text, None, "EUR")


def test_same_posting_in_two_formats(tmp_path):
    store = Store(tmp_path / "x.db")
    first = tmp_path / "acme-bank_20240301.csv"
    first.write_text("posting_id,account,currency,amount,booked_on\n17,0042,EUR,1234.50,2024-03-01\n")
    second = tmp_path / "acme-bank_20240302.ndjson"
    second.write_text(json.dumps({"ID": 17, "acct": "0042", "CCY": "EUR", "Amount Cents": 123450,
                                  "Posted-At": "2024-03-01T10:00:00Z", "Channel": "card", "Batch No": ""}))
    columns = Columns.read()
    assert load_file(store, first, columns).new == 1
    assert load_file(store, second, columns).duplicate == 1
    assert build(store, "postings")[0]["extra"] == {"channel": "card"}
    store.close()


def test_two_columns_for_one_field():
    with pytest.raises(BatchError, match="account"):
        Columns.read().assign(["id", "acct", "account", "ccy", "amount", "date"])
