"""Milestone late-corrections: revisions in any order, reruns that undo nothing, and reports as they stood."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support import Ledger, counts, ledger

COUNTS = ("new", "corrected", "superseded", "duplicate")
COLUMNS = "posting_id,account,currency,amount,booked_on,memo,revision,status"
R0 = "C-1,001200,EUR,10.00,2024-02-28,first,,"
R1 = "C-1,001200,EUR,12.00,2024-02-28,second,1,booked"
R2 = "C-1,004410,EUR,12.00,2024-03-01,third,2,"
R4_VOID = "C-1,004410,EUR,12.00,2024-03-01,gone,4,VOID"
R7 = "C-1,004410,USD,5.00,2024-03-05,back,7,Booked"
OTHER = "C-2,001200,EUR,100.00,2024-03-01,other,,"


def load(program: Ledger, number: int, *rows: str, header: str = COLUMNS) -> tuple[Any, ...]:
    """Load one file of the source; its counts as (new, corrected, superseded, duplicate)."""
    result = program.load(program.csv(f"acme-bank_202403{number:02d}.csv", *rows, header=header))[0]
    assert result["status"] == "applied"
    return counts(result, *COUNTS)[1:]


def history(program: Ledger, name: str = "acme-bank/C-1") -> list[tuple[Any, ...]]:
    rows = program.report("history", "--posting", name)
    return [(r["revision"], r["batch"], r["status"], r["amount"], r["current"]) for r in rows]


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1, 2))))
def test_highest_revision_wins_in_any_order(order: tuple[int, ...]) -> None:
    """Three revisions in every order of arrival end in the same reports, and each file again changes nothing."""
    rows = (R0, R1, R2)
    seen: list[int] = []
    with ledger() as program:
        load(program, 1, OTHER)
        for number, revision in enumerate(order, start=2):
            expected = (1, 0, 0, 0) if not seen else (0, 1, 0, 0) if revision > max(seen) else (0, 0, 1, 0)
            assert load(program, number, rows[revision]) == expected
            seen.append(revision)
            balance = {0: ("001200", "EUR", "110.00"), 1: ("001200", "EUR", "112.00"), 2: ("004410", "EUR", "12.00")}[
                max(seen)
            ]
            assert program.balances()[balance[:2]][0] == balance[2]
        assert load(program, 9, *reversed(rows)) == (0, 0, 0, 3)
        assert program.balances() == {("001200", "EUR"): ("100.00", 1), ("004410", "EUR"): ("12.00", 1)}
        assert [(r["month"], r["account"], r["total"]) for r in program.report("monthly")] == [
            ("2024-03", "001200", "100.00"),
            ("2024-03", "004410", "12.00"),
        ]
        assert [(r[0], r[1]) for r in history(program)] == [(n, order.index(n) + 2) for n in range(3)]


def test_original_again_undoes_nothing() -> None:
    """A re-sent original in a new file is a duplicate of its own revision, not a contradiction or an update."""
    with ledger() as program:
        load(program, 1, R0, OTHER)
        load(program, 2, R2)
        assert load(program, 3, R0, OTHER, "C-3,1,EUR,1.00,2024-03-03,,,") == (1, 0, 0, 2)
        plain = program.csv("acme-bank_20240304.csv", "C-1,001200,EUR,10,2024-02-28,")
        assert counts(program.load(plain)[0], *COUNTS) == ("applied", 0, 0, 0, 1)
        assert program.posting("C-1")["account"] == "004410"
        assert program.posting("C-1")["memo"] == "third"


def test_rows_of_one_file_count_in_order() -> None:
    """Several revisions and repeats in one file are counted row by row."""
    with ledger() as program:
        assert load(program, 1, R1, R0, R0, R2, R1, OTHER) == (2, 1, 1, 2)
        entry = program.report("batches")[0]
        assert tuple(entry[key] for key in COUNTS) == (2, 1, 1, 2)
        assert history(program) == [
            (0, 1, "booked", "10.00", False),
            (1, 1, "booked", "12.00", False),
            (2, 1, "booked", "12.00", True),
        ]


@pytest.mark.parametrize(
    "row",
    [
        "C-1,001200,EUR,10.01,2024-02-28,,0,",
        "C-1,001200,EUR,12.00,2024-02-28,,1,void",
        "C-1,001200,EUR,12.00,2024-02-27,,1,",
        "C-1,001200,EUR,12.00,2024-02-28,,-1,",
        "C-1,001200,EUR,12.00,2024-02-28,,x,",
        "C-1,001200,EUR,12.00,2024-02-28,,2,deleted",
    ],
)
def test_contradicting_or_unusable_revision_is_refused(row: str) -> None:
    """Other values under a known revision, also an old one, or an unreadable revision or status refuse the file."""
    with ledger() as program:
        load(program, 1, R0, R1)
        before = history(program)
        result = program.load(program.csv("acme-bank_20240302.csv", R2, OTHER, row, header=COLUMNS), status=1)[0]
        assert counts(result, *COUNTS) == ("refused", 0, 0, 0, 0)
        assert "line 4" in result["error"]
        assert history(program) == before and len(program.report("batches")) == 1


def test_void_and_booked_again() -> None:
    """A void version removes the posting from every report; a later revision brings it back."""
    with ledger() as program:
        load(program, 1, R0, OTHER)
        assert load(program, 2, R4_VOID) == (0, 1, 0, 0)
        assert program.amounts() == {("acme-bank", "C-2"): "100.00"}
        assert load(program, 3, R2) == (0, 0, 1, 0)
        assert program.balances() == {("001200", "EUR"): ("100.00", 1)}
        assert load(program, 4, R7) == (0, 1, 0, 0)
        assert program.balances()["004410", "USD"] == ("5.00", 1)
        assert history(program) == [
            (0, 1, "booked", "10.00", False),
            (2, 3, "booked", "12.00", False),
            (4, 2, "void", "12.00", False),
            (7, 4, "booked", "5.00", True),
        ]


def test_void_that_comes_first() -> None:
    """A void version that arrives before its original keeps it out."""
    with ledger() as program:
        assert load(program, 1, R4_VOID) == (1, 0, 0, 0)
        assert load(program, 2, R0) == (0, 0, 1, 0)
        assert program.report("postings") == [] and program.report("balances") == []


def test_reports_as_of_a_batch() -> None:
    """Every report can be printed as it was after each batch, whatever was corrected or voided since."""
    batches = ((R0, OTHER), (R2,), (R1, "C-3,001200,EUR,1.00,2024-03-02,,,"), (R4_VOID,), (R7,), (R0,))
    with ledger() as program:
        stood = [{name: program.report(name) for name in ("balances", "monthly", "postings")}]
        for number, rows in enumerate(batches, start=1):
            load(program, number, *rows)
            stood.append({name: program.report(name) for name in stood[0]})
        for number, reports in enumerate([*stood, stood[-1]]):
            for name, printed in reports.items():
                assert program.report(name, "--as-of-batch", str(number)) == printed, f"{name} as of batch {number}"
        assert [r["amount"] for r in program.report("postings", "--as-of-batch", "2", "--account", "004410")] == [
            "12.00"
        ]
        assert program.run("report", "balances", "--db", str(program.db), "--as-of-batch", "-1").returncode == 2


def test_refused_and_repeated_files_take_no_batch_number() -> None:
    """`--as-of-batch` counts applied batches only."""
    with ledger() as program:
        load(program, 1, R0)
        program.load(program.csv("acme-bank_20240302.csv", R1, "broken", header=COLUMNS), status=1)
        program.load(program.csv("acme-bank_20240309.csv", R0, header=COLUMNS))
        load(program, 3, R1)
        assert program.amounts("--as-of-batch", "1") == {("acme-bank", "C-1"): "10.00"}
        assert [r[:2] for r in history(program)] == [(0, 1), (1, 2)]


def test_old_database_is_batch_zero() -> None:
    """Postings of an old database are revision 0 of batch 0 and can be corrected."""
    with ledger() as program:
        old = ("acme-bank", "C-1", "001200", "EUR", 1000, "2024-02-28", "old")
        program.legacy(old, ("acme-bank", "C-9", "001200", "EUR", 700, "2024-02-28", ""), old)
        assert program.balances("--as-of-batch", "0") == {("001200", "EUR"): ("17.00", 2)}
        assert load(program, 1, R0, R2) == (0, 1, 0, 1)
        assert program.balances() == {("001200", "EUR"): ("7.00", 1), ("004410", "EUR"): ("12.00", 1)}
        assert program.balances("--as-of-batch", "0") == {("001200", "EUR"): ("17.00", 2)}
        assert history(program) == [(0, 0, "booked", "10.00", False), (2, 1, "booked", "12.00", True)]


def test_corrections_under_drifted_columns() -> None:
    """Corrections may come with other names and types; numbers as text and as JSON are the same revision."""
    with ledger() as program:
        load(program, 1, R0)
        drifted = {
            "id": "C-1",
            "Account No": "001200",
            "ccy": "EUR",
            "amount_cents": 1200,
            "date": "28.02.2024",
            "Version": 1,
            "state": None,
        }
        assert counts(program.load(program.ndjson("acme-bank_20240302.ndjson", drifted))[0], *COUNTS) == (
            "applied",
            0,
            1,
            0,
            0,
        )
        assert load(
            program,
            3,
            "C-1,001200,EUR,12,20240228,again,1",
            header="posting_id,account,currency,amount,booked_on,memo,REV",
        ) == (0, 0, 0, 1)
        found = program.posting("C-1")
        assert (found["amount"], found["extra"], found["memo"]) == ("12.00", {}, "")


def test_added_columns_belong_to_their_revision() -> None:
    """`extra` is that of the printed version; a duplicate of an old revision does not leak into the current one."""
    header = "posting_id,account,currency,amount,booked_on,revision,channel,region"
    with ledger() as program:
        load(program, 1, "C-1,001200,EUR,10.00,2024-02-28,0,card,", header=header)
        load(program, 2, "C-1,001200,EUR,12.00,2024-02-28,1,,south", header=header)
        assert program.posting("C-1")["extra"] == {"region": "south"}
        assert load(program, 3, "C-1,001200,EUR,10.00,2024-02-28,0,web,north", header=header) == (0, 0, 0, 1)
        assert program.posting("C-1")["extra"] == {"region": "south"}
        assert load(program, 4, "C-1,001200,EUR,12.00,2024-02-28,1,web,north", header=header) == (0, 0, 0, 1)
        assert program.posting("C-1")["extra"] == {"region": "south", "channel": "web"}


def test_same_id_of_two_sources_is_corrected_apart() -> None:
    """A correction touches the posting of its own source only; ids may contain a slash."""
    with ledger() as program:
        rows = [f"A/{n},001200,EUR,{n}.00,2024-03-01,,," for n in (1, 2)]
        program.load(
            program.csv("acme-bank_20240301.csv", *rows, header=COLUMNS),
            program.csv("paygate_20240301.csv", *rows, header=COLUMNS),
        )
        load(program, 2, "A/1,001200,EUR,9.00,2024-03-01,,3,")
        assert program.amounts() == {
            ("acme-bank", "A/1"): "9.00",
            ("acme-bank", "A/2"): "2.00",
            ("paygate", "A/1"): "1.00",
            ("paygate", "A/2"): "2.00",
        }
        assert history(program, "paygate/A/1") == [(0, 2, "booked", "1.00", True)]
        assert [r[0] for r in history(program, "acme-bank/A/1")] == [0, 3]
        assert history(program, "paygate/nothing") == []


def test_large_revisions_compare_as_numbers() -> None:
    """Revision 10 is higher than revision 9."""
    with ledger() as program:
        load(program, 1, "C-1,001200,EUR,9.00,2024-03-01,,9,")
        assert load(program, 2, "C-1,001200,EUR,10.00,2024-03-01,,10,") == (0, 1, 0, 0)
        assert program.posting("C-1")["amount"] == "10.00"
