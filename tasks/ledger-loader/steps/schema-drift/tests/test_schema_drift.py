"""Milestone schema-drift: other names, other types and further columns, and still each posting once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import Ledger, counts, ledger

PLAIN = (
    "B-1,001200,EUR,1250.00,2024-03-01,Invoice",
    "B-2,001200,JPY,48000,2024-03-01,",
    "B-3,007003,KWD,-2.125,2024-03-02,Fee",
)
ROW: dict[str, Any] = {
    "posting_id": "P-1",
    "account": "001200",
    "currency": "EUR",
    "amount": "12.50",
    "booked_on": "2024-03-01",
}


def row(**changes: Any) -> dict[str, Any]:
    """`ROW` with changes; a value of None removes the key."""
    return {key: value for key, value in {**ROW, **changes}.items() if value is not None}


def refused(program: Ledger, path: str, *parts: str, options: tuple[str, ...] = ()) -> None:
    """The file is refused, the error has the parts, and nothing of it is stored."""
    before = program.report("postings")
    result = program.load(path, status=1, options=options)[0]
    assert counts(result, "new", "duplicate") == ("refused", 0, 0)
    for part in parts:
        assert part in result["error"]
    assert program.report("postings") == before


@pytest.mark.parametrize(
    "header",
    [
        "id,account_no,ccy,value,date,description",
        "txn_ref,acct,currency,amt,booking_date,text",
        "Transaction ID, Account-No ,CCY,AMOUNT,Posted  At,Memo",
        "\ufeffPOSTING-ID,Acct,ccy,Value,Booked On,TEXT",
    ],
)
def test_renamed_columns(header: str) -> None:
    """The shipped names are recognised in any case and spelling, and the rows are known again under other names."""
    with ledger() as program:
        assert counts(program.load(program.csv("acme-bank_20240301.csv", *PLAIN, header=header))[0], "new") == (
            "applied",
            3,
        )
        assert program.amounts() == {
            ("acme-bank", "B-1"): "1250.00",
            ("acme-bank", "B-2"): "48000",
            ("acme-bank", "B-3"): "-2.125",
        }
        assert (program.posting("B-1")["memo"], program.posting("B-1")["extra"]) == ("Invoice", {})
        again = program.load(program.csv("acme-bank_20240302.csv", *PLAIN))[0]
        assert counts(again, "new", "duplicate") == ("applied", 0, 3)


def test_order_of_columns_is_free() -> None:
    """Columns are found by name, not by place."""
    with ledger() as program:
        path = program.csv(
            "acme-bank_20240301.csv", "2024-03-01,12.50,x,EUR,P-1,001200", header="date,value,memo,ccy,id,acct"
        )
        program.load(path)
        found = program.posting("P-1")
        assert {key: found[key] for key in ROW} == {**ROW}


def test_unknown_name_is_refused_until_it_is_mapped() -> None:
    """A file whose column is not known is not remembered: with the name in a `--columns` file it loads."""
    with ledger() as program:
        path = program.csv(
            "acme-bank_20240301.csv", *PLAIN, header="posting_id,Konto Nr,currency,amount,booked_on,memo"
        )
        refused(program, path, "account")
        names = program.drop("names.json", json.dumps({"account": ["konto-nr"]}))
        assert counts(program.load(path, options=("--columns", names))[0], "new") == ("applied", 3)
        assert program.load(path)[0]["status"] == "already-applied"
        assert [r["seq"] for r in program.report("batches")] == [1]


def test_columns_file_replaces_the_shipped_names() -> None:
    """`--columns` stands instead of the shipped file; a field's own name is always accepted."""
    with ledger() as program:
        names = program.drop("names.json", json.dumps({"posting_id": ["Beleg"]}))
        refused(
            program,
            program.csv("acme-bank_20240301.csv", *PLAIN, header="beleg,acct,currency,amount,booked_on,memo"),
            "account",
            options=("--columns", names),
        )
        own = program.csv("acme-bank_20240302.csv", *PLAIN, header="Beleg,account,currency,amount,booked_on,memo")
        assert counts(program.load(own, options=("--columns", names))[0], "new") == ("applied", 3)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("posting_id,account,currency,amount,booked_on,acct", "account"),
        ("posting_id,account,currency,amount,booked_on,Booked-On", "booked_on"),
        ("posting_id,account,currency,fee,booked_on,memo", "amount"),
        ("nr,account,currency,amount,booked_on,memo", "posting_id"),
    ],
)
def test_ambiguous_or_missing_columns(header: str, field: str) -> None:
    """Two columns for a field, or none for a required one, refuse the file and name the field."""
    with ledger() as program:
        refused(program, program.csv("acme-bank_20240301.csv", *PLAIN, header=header), field)


def test_ndjson_rows_with_different_shapes() -> None:
    """Each line of an NDJSON file may have its own names and types; ambiguity in one line refuses all."""
    rows = [
        row(),
        {"ID": 9001, "acct": 401200, "ccy": "EUR", "amount_cents": 1250, "date": 20240302},
        {
            "txn_ref": "P-3",
            "Account No": "001200",
            "CCY": "JPY",
            "value": 700,
            "posted_at": "2024-03-03T01:00:00+02:00",
            "text": "x",
        },
    ]
    with ledger() as program:
        assert counts(program.load(program.ndjson("paygate_20240301.ndjson", *rows))[0], "new") == ("applied", 3)
        found = [(r["posting_id"], r["account"], r["amount"], r["booked_on"]) for r in program.report("postings")]
        assert found == [
            ("P-1", "001200", "12.50", "2024-03-01"),
            ("9001", "401200", "12.50", "2024-03-02"),
            ("P-3", "001200", "700", "2024-03-02"),
        ]
        refused(
            program,
            program.ndjson("paygate_20240302.ndjson", row(posting_id="P-9"), row(id="P-1")),
            "posting_id",
            "line 2",
        )


@pytest.mark.parametrize(
    ("currency", "cells", "amount"),
    [
        ("EUR", {"amount": "-1,234,567.50"}, "-1234567.50"),
        ("EUR", {"amount": 1.15}, "1.15"),
        ("EUR", {"amount": 12}, "12.00"),
        ("KWD", {"amount_minor": 1250}, "1.250"),
        ("JPY", {"amount_minor": "1250"}, "1250"),
        ("EUR", {"amount_minor": "-5"}, "-0.05"),
        ("EUR", {"amount": "12.5", "amount_minor": 1250}, "12.50"),
        ("EUR", {"amount": "", "amount_minor": 7}, "0.07"),
        ("KWD", {"amount": "1,000"}, "1000.000"),
    ],
)
def test_amounts(currency: str, cells: dict[str, Any], amount: str) -> None:
    """Major and minor units, numbers and grouped text mean what the request says."""
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", {**row(amount=None), "currency": currency, **cells}))
        assert program.posting("P-1")["amount"] == amount


def test_json_amounts_are_exact() -> None:
    """A JSON number beyond the precision of a float keeps its last digit."""
    line = json.dumps(row(amount=0)).replace('"amount": 0', '"amount": 90071992547409.93')
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", line))
        assert program.posting("P-1")["amount"] == "90071992547409.93"
        again = row(amount=None, amount_minor=9007199254740993)
        assert counts(program.load(program.ndjson("paygate_20240302.ndjson", again))[0], "duplicate") == ("applied", 1)


@pytest.mark.parametrize(
    "cells",
    [
        {"amount": "12,50"},
        {"amount": "1,23.00"},
        {"amount": "1234,567.00"},
        {"amount": True},
        {"amount": [1]},
        {"amount": "", "amount_minor": ""},
        {"amount_minor": "12.50", "amount": ""},
        {"amount_minor": 1251},
        {"account": True},
        {"posting_id": {"a": 1}},
        {"booked_on": "01/03/2024"},
        {"booked_on": "31.02.2024"},
        {"booked_on": False},
    ],
)
def test_unusable_values(cells: dict[str, Any]) -> None:
    """Values that could be misread refuse the file with the line."""
    with ledger() as program:
        refused(program, program.ndjson("paygate_20240301.ndjson", row(posting_id="P-0"), {**ROW, **cells}), "line 2")


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("20240301", "2024-03-01"),
        (20240301, "2024-03-01"),
        ("01.03.2024", "2024-03-01"),
        ("12.03.2024", "2024-03-12"),
        ("2024-03-01T23:30:00-05:00", "2024-03-02"),
        ("2024-03-01 08:00:00Z", "2024-03-01"),
        ("2024-03-01T00:30:00+02:00", "2024-02-29"),
        ("2024-03-01T23:59:59", "2024-03-01"),
        (1709337599, "2024-03-01"),
        ("1709337600", "2024-03-02"),
        (999999999, "2001-09-09"),
    ],
)
def test_booking_dates(cell: Any, day: str) -> None:
    """Every form of a date gives its UTC day."""
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", row(booked_on=cell)))
        assert program.posting("P-1")["booked_on"] == day


def test_added_columns_are_kept() -> None:
    """Unknown columns appear in `extra` under their compared name; empty ones do not, false and 0 do."""
    with ledger() as program:
        program.load(
            program.csv(
                "acme-bank_20240301.csv",
                "B-1,1,EUR,1.00,2024-03-01, card ,,9",
                header="id,acct,ccy,value,date,Pay-Channel,Region,Shop No",
            )
        )
        assert program.posting("B-1")["extra"] in (
            {"pay_channel": "card", "shop_no": "9"},
            {"pay_channel": " card ", "shop_no": "9"},
        )
        extra = {"tags": ["a", "b"], "fee": {"rate": 0.25}, "manual": False, "retries": 0, "Note": "", "ref": None}
        program.load(program.ndjson("paygate_20240301.ndjson", {**ROW, **extra}))
        assert program.posting("P-1")["extra"] == {
            "tags": ["a", "b"],
            "fee": {"rate": 0.25},
            "manual": False,
            "retries": 0,
        }


def test_duplicates_fill_gaps_only() -> None:
    """A duplicate adds the values that are missing and changes none."""
    with ledger() as program:
        for number, extra in enumerate(
            ({}, {"channel": "card"}, {"channel": "web", "region": "north"}, {"region": ""}), start=1
        ):
            result = program.load(program.ndjson(f"paygate_2024030{number}.ndjson", {**ROW, **extra}))[0]
            assert counts(result, "new", "duplicate") == ("applied", int(number == 1), int(number > 1))
        assert program.posting("P-1")["extra"] == {"channel": "card", "region": "north"}


def test_text_and_csv_reports_keep_their_columns() -> None:
    """`extra` appears in the JSON form only."""
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", row(channel="card")))
        done = program.run("report", "postings", "--db", str(program.db), "--format", "csv")
        assert done.stdout.splitlines() == [
            "source,posting_id,account,currency,amount,booked_on,memo",
            "paygate,P-1,001200,EUR,12.50,2024-03-01,",
        ]


@pytest.mark.parametrize(
    "again",
    [
        {"id": "P-1", "acct": "001200", "ccy": "EUR", "amount_cents": "1250", "date": 1709290800},
        {
            "TXN REF": "P-1",
            "account_no": "001200",
            "currency": "EUR",
            "value": 12.5,
            "Posted At": "2024-03-01T07:00:00Z",
            "channel": "web",
        },
    ],
)
def test_contradictions_and_duplicates_across_formats(again: dict[str, Any]) -> None:
    """The same posting in another shape is a duplicate; one cent more refuses the file."""
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", ROW))
        assert counts(program.load(program.ndjson("paygate_20240302.ndjson", again))[0], "new", "duplicate") == (
            "applied",
            0,
            1,
        )
        key, value = ("amount_cents", "1251") if "amount_cents" in again else ("value", 12.51)
        refused(
            program,
            program.ndjson("paygate_20240303.ndjson", row(posting_id="P-7"), {**again, key: value}),
            "line 2",
            "P-1",
        )


def test_postings_of_an_old_database_are_known_in_any_shape() -> None:
    """Rows stored before the change have an empty `extra` and are recognised under new names and types."""
    with ledger() as program:
        program.legacy(
            ("paygate", "9001", "001200", "EUR", 1250, "2024-03-01", "old"),
            ("paygate", "9001", "001200", "EUR", 1250, "2024-03-01", "old"),
        )
        assert [r["extra"] for r in program.report("postings")] == [{}]
        drifted = {
            "ID": 9001,
            "acct": "001200",
            "ccy": "EUR",
            "amount_cents": 1250,
            "date": "01.03.2024",
            "region": "north",
        }
        assert counts(program.load(program.ndjson("paygate_20240301.ndjson", drifted))[0], "new", "duplicate") == (
            "applied",
            0,
            1,
        )
        found = program.posting("9001")
        assert (found["memo"], found["extra"], found["amount"]) == ("old", {"region": "north"}, "12.50")


def test_drifted_rerun_is_atomic() -> None:
    """Gaps filled by a batch that is refused later in the file are not kept."""
    with ledger() as program:
        program.load(program.ndjson("paygate_20240301.ndjson", *[row(posting_id=f"P-{n}") for n in range(300)]))
        rows = [row(posting_id=f"P-{n}", channel="web") for n in range(300)]
        refused(
            program,
            program.ndjson("paygate_20240302.ndjson", *rows, row(posting_id="P-5", amount="99.99")),
            "line 301",
            "P-5",
        )
