import pytest

from ledger.columns import Columns
from ledger.loader import load_file
from ledger.reports import build
from ledger.store import Store

HEADER = "posting_id,account,currency,amount,booked_on,rev,state\n"
ORIGINAL = "1,0042,EUR,10.00,2024-03-01,,\n"
FIRST = "1,0042,EUR,12.00,2024-03-01,1,\n"
SECOND = "1,0043,EUR,12.00,2024-03-02,2,\n"
VOID = "1,0043,EUR,12.00,2024-03-02,3,VOID\n"


@pytest.fixture
def load(tmp_path):
    store, columns, number = Store(tmp_path / "x.db"), Columns.read(), iter(range(10, 30))

    def load(*rows):
        path = tmp_path / f"acme-bank_202403{next(number)}.csv"
        path.write_text(HEADER + "".join(rows))
        return load_file(store, path, columns)

    load.store = store
    yield load
    store.close()


def test_order_of_arrival_does_not_matter(load):
    assert load(SECOND).new == 1
    assert load(ORIGINAL, FIRST).superseded == 2
    assert load(FIRST, ORIGINAL).duplicate == 2
    assert build(load.store, "balances") == [{"account": "0043", "currency": "EUR", "balance": "12.00", "postings": 1}]
    history = build(load.store, "history", posting=("acme-bank", "1"))
    assert [(row["revision"], row["batch"], row["current"]) for row in history] == [(0, 2, False), (1, 2, False), (2, 1, True)]


def test_as_it_stood(load):
    for row in (ORIGINAL, FIRST, VOID, SECOND):
        load(row)
    stood = [[row["balance"] for row in build(load.store, "balances", as_of=batch)] for batch in range(6)]
    assert stood == [[], ["10.00"], ["12.00"], [], [], []]


def test_same_revision_other_values(load):
    load(ORIGINAL, FIRST)
    result = load(SECOND, FIRST.replace("12.00", "12.01"))
    assert result.status == "refused" and "line 3" in result.error
    assert len(build(load.store, "history", posting=("acme-bank", "1"))) == 2
