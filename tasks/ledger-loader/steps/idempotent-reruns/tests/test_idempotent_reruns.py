"""Milestone idempotent-reruns: a posting counts once and a batch is all or nothing, whatever happened before."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import HEADER, Ledger, counts, finish, full_disk, kill_group, ledger, parse_lines

FIRST = (
    "AB-1,001200,EUR,10.50,2024-03-01,Invoice",
    "AB-2,001200,EUR,-4.25,2024-03-01,Fee",
    "AB-3,004410,JPY,900,2024-03-01,",
)


def many(count: int, start: int = 0) -> list[str]:
    """Rows with distinct ids; each is worth 1.25 EUR."""
    return [f"M-{start + n},00{n % 7}00,EUR,1.25,2024-03-{1 + n % 28:02d},row {n} {'x' * 60}" for n in range(count)]


def total(program: Ledger) -> tuple[int, int]:
    """(sum in cents, postings) over all EUR balances."""
    rows = [r for r in program.report("balances") if r["currency"] == "EUR"]
    cents = sum(int(r["balance"].replace(".", "")) for r in rows)
    return cents, sum(r["postings"] for r in rows)


def test_same_bytes_again_change_nothing() -> None:
    """A batch is known by source and bytes, under the same name, another name, and in one command."""
    with ledger() as program:
        path = program.csv("acme-bank_20240301.csv", *FIRST)
        again = program.csv("acme-bank_20240305_resent.csv", *FIRST)
        assert counts(program.load(path)[0], "file", "new", "duplicate", "error") == (
            "applied",
            "acme-bank_20240301.csv",
            3,
            0,
            None,
        )
        results = program.load(path, again, again)
        assert [counts(r, "new", "duplicate", "error") for r in results] == [("already-applied", 0, 0, None)] * 3
        assert program.balances() == {("001200", "EUR"): ("6.25", 2), ("004410", "JPY"): ("900", 1)}


def test_same_bytes_of_another_source_are_another_batch() -> None:
    """Identity of batches and postings includes the source."""
    with ledger() as program:
        results = program.load(
            program.csv("acme-bank_20240301.csv", *FIRST), program.csv("paygate_20240301.csv", *FIRST)
        )
        assert [counts(r, "new", "duplicate") for r in results] == [("applied", 3, 0), ("applied", 3, 0)]
        assert program.balances()["001200", "EUR"] == ("12.50", 4)


def test_overlaps_and_repeats_count_once() -> None:
    """A row repeated inside a file or in a later file is a duplicate; the first memo stays."""
    with ledger() as program:
        program.load(program.csv("acme-bank_20240301.csv", FIRST[0], FIRST[1], FIRST[0]))
        later = program.csv("acme-bank_20240302.csv", "AB-2,001200,EUR,-4.250,2024-03-01,Other words", FIRST[2])
        assert counts(program.load(later)[0], "new", "duplicate") == ("applied", 1, 1)
        assert program.amounts() == {
            ("acme-bank", "AB-1"): "10.50",
            ("acme-bank", "AB-2"): "-4.25",
            ("acme-bank", "AB-3"): "900",
        }
        assert program.posting("AB-2")["memo"] == "Fee"
        assert [(r["seq"], r["new"], r["duplicate"]) for r in program.report("batches")] == [(1, 2, 1), (2, 1, 1)]


def test_grown_file_under_its_old_name() -> None:
    """A known name with new bytes is a new batch; only the unknown rows are added."""
    with ledger() as program:
        program.load(program.csv("acme-bank_20240301.csv", *FIRST[:2]))
        grown = program.csv("acme-bank_20240301.csv", *FIRST)
        assert counts(program.load(grown)[0], "new", "duplicate") == ("applied", 1, 2)
        windows = program.drop("acme-bank_20240301.csv", "\r\n".join((HEADER, *FIRST)) + "\r\n")
        assert counts(program.load(windows)[0], "new", "duplicate") == ("applied", 0, 3)
        assert len(program.amounts()) == 3


@pytest.mark.parametrize(
    "row",
    [
        "AB-1,001201,EUR,10.50,2024-03-01,",
        "AB-1,001200,USD,10.50,2024-03-01,",
        "AB-1,001200,EUR,10.51,2024-03-01,",
        "AB-1,001200,EUR,10.50,2024-03-02,",
    ],
)
def test_contradiction_refuses_the_batch(row: str) -> None:
    """Another value under a known identity refuses the whole file and names line and posting."""
    with ledger() as program:
        program.load(program.csv("acme-bank_20240301.csv", *FIRST))
        before = program.report("postings")
        result = program.load(program.csv("acme-bank_20240302.csv", *many(5), row), status=1)[0]
        assert counts(result, "new", "duplicate") == ("refused", 0, 0)
        assert "line 7" in result["error"] and "AB-1" in result["error"]
        assert program.report("postings") == before


def test_contradiction_inside_one_file() -> None:
    """Two rows of one file that contradict each other refuse it."""
    with ledger() as program:
        result = program.load(
            program.csv("acme-bank_20240301.csv", *FIRST, "AB-2,001200,EUR,4.25,2024-03-01,"), status=1
        )[0]
        assert result["status"] == "refused" and "line 5" in result["error"] and "AB-2" in result["error"]
        assert program.report("postings") == []


@pytest.mark.parametrize(
    "bad",
    [
        "M-x,001200,EUR,1.2.5,2024-03-01,",
        "M-x,001200,EUR,1.25,2024-02-30,",
        "M-x,,EUR,1.25,2024-03-01,",
        "M-x,001200,EUR,1.25,2024-03-01",
        "M-x,001200,EUR,1.25,2024-03-01,a,b",
        "M-x,001200,XXX,1.25,2024-03-01,",
    ],
)
def test_unusable_row_refuses_a_large_csv(bad: str) -> None:
    """A bad last row leaves nothing behind; the repaired file then loads whole; the other files load."""
    with ledger() as program:
        broken = program.csv("acme-bank_20240301.csv", *many(900), bad)
        other = program.csv("paygate_20240301.csv", *FIRST)
        results = program.load(broken, other, status=1)
        assert [r["status"] for r in results] == ["refused", "applied"]
        assert "line 902" in results[0]["error"]
        assert {source for source, _ in program.amounts()} == {"paygate"}
        repaired = program.csv("acme-bank_20240301.csv", *many(900), "M-x,001200,EUR,1.25,2024-03-01,")
        assert counts(program.load(repaired)[0], "new", "duplicate") == ("applied", 901, 0)
        assert [(r["seq"], r["source"]) for r in program.report("batches")] == [(1, "paygate"), (2, "acme-bank")]


@pytest.mark.parametrize("bad", ['{"posting_id": "9", "acc', "[1, 2]", '{"posting_id": "9"}', "7"])
def test_unusable_line_refuses_ndjson(bad: str) -> None:
    """A cut or misshapen NDJSON line refuses the file."""
    rows = [
        {"posting_id": f"N-{n}", "account": "1", "currency": "EUR", "amount": "1.25", "booked_on": "2024-03-01"}
        for n in range(450)
    ]
    with ledger() as program:
        result = program.load(program.ndjson("paygate_20240301.ndjson", *rows, bad), status=1)[0]
        assert result["status"] == "refused" and "line 451" in result["error"]
        assert program.report("postings") == [] and program.report("batches") == []


def test_unreadable_files_are_refused() -> None:
    """No UTF-8, no source in the name, no such file: refused, and the last file still loads."""
    with ledger() as program:
        latin = program.drop("acme-bank_20240301.csv", f"{HEADER}\nAB-1,1,EUR,1,2024-03-01,caf\xe9\n".encode("latin-1"))
        nameless = program.csv("postings.csv", *FIRST)
        missing = str(program.inbox / "acme-bank_20240309.csv")
        good = program.csv("paygate_20240301.csv", *FIRST)
        results = program.load(latin, nameless, missing, good, status=1)
        assert [r["status"] for r in results] == ["refused", "refused", "refused", "applied"]
        assert all(isinstance(r["error"], str) and r["error"] for r in results[:3])
        assert len(program.amounts()) == 3


def test_full_disk_leaves_nothing() -> None:
    """A database file that cannot grow half way through leaves no row; the rerun completes."""
    with ledger() as program:
        program.load(program.csv("paygate_20240301.csv", *many(20, 50_000)))
        big = program.csv("acme-bank_20240301.csv", *many(8_000))
        done = program.run(
            "load", "--db", str(program.db), "--json", big, setup=full_disk(program.db.stat().st_size + 150_000)
        )
        assert done.returncode != 0, "8,000 rows cannot have been stored in 150 kB"
        assert total(program) == (20 * 125, 20)
        assert counts(program.load(big)[0], "new", "duplicate") == ("applied", 8_000, 0)
        assert total(program) == (8_020 * 125, 8_020)


def test_killed_load_leaves_nothing() -> None:
    """SIGKILL at many moments: all or nothing is visible, and the same command then completes."""
    with ledger() as probe:
        probe.load(probe.csv("paygate_20240301.csv", *many(1, 50_000)))
        path = probe.csv("acme-bank_20240301.csv", *many(4_000))
        started = time.monotonic()
        probe.load(path)
        whole = time.monotonic() - started
    for share in (0.4, 0.55, 0.7, 0.8, 0.9):
        with ledger() as program:
            program.load(program.csv("paygate_20240301.csv", *many(1, 50_000)))
            path = program.csv("acme-bank_20240301.csv", *many(4_000))
            process = program.start("load", "--db", str(program.db), path)
            time.sleep(whole * share)
            kill_group(process)
            process.communicate()
            assert total(program)[1] in (1, 4_001), "a part of the batch is visible"
            program.load(path)
            assert total(program) == (4_001 * 125, 4_001)


def test_two_loads_at_once() -> None:
    """Parallel loads of one file and of overlapping files end normally and count everything once."""
    with ledger() as program:
        program.load(program.csv("paygate_20240301.csv", *many(1, 50_000)))
        expected = 1
        for number in range(3):
            base = 10_000 * number
            same = program.csv(f"acme-bank_2024030{number + 1}.csv", *many(1_500, base))
            overlap = program.csv(f"acme-bank_2024031{number}.csv", *reversed(many(2_000, base)))
            processes = [program.start("load", "--db", str(program.db), "--json", p) for p in (same, overlap, same)]
            with ThreadPoolExecutor(3) as pool:
                done = list(pool.map(finish, processes))
            assert [d.returncode for d in done] == [0, 0, 0], [d.stderr for d in done]
            results = [parse_lines(d.stdout)[0] for d in done]
            assert sorted(r["status"] for r in (results[0], results[2])) == ["already-applied", "applied"]
            assert sum(r["new"] for r in results) == 2_000
            expected += 2_000
            assert total(program) == (expected * 125, expected)
        assert [r["seq"] for r in program.report("batches")] == list(range(1, 8))


def test_old_database_counts_once_from_the_first_report() -> None:
    """Repeated rows of a database of the old version count once, the lowest id stays, values are kept."""
    with ledger() as program:
        row = ("acme-bank", "AB-1", "001200", "EUR", 1050, "2024-03-01", "first")
        program.legacy(
            row, ("paygate", "AB-1", "001200", "EUR", 100, "2024-03-01", ""), (*row[:6], "second"), (*row[:6], "third")
        )
        assert program.balances() == {("001200", "EUR"): ("11.50", 2)}
        assert program.report("batches") == []
        assert [r["memo"] for r in program.report("postings") if r["source"] == "acme-bank"] == ["first"]


def test_half_loaded_file_of_the_old_version_is_completed() -> None:
    """The first part of a file that the old version left is recognised row by row."""
    with ledger() as program:
        program.legacy(
            *[("acme-bank", f"M-{n}", f"00{n % 7}00", "EUR", 125, f"2024-03-{1 + n % 28:02d}", "") for n in range(400)]
            * 2
        )
        path = program.csv("acme-bank_20240301.csv", *many(500))
        assert counts(program.load(path)[0], "new", "duplicate") == ("applied", 100, 400)
        assert total(program) == (500 * 125, 500)
        assert program.load(path)[0]["status"] == "already-applied"


def test_any_sequence_of_deliveries_gives_the_union() -> None:
    """Random overlapping files, repeated and interrupted by refusals, end as the set of their rows."""
    rng = random.Random(20240301)
    rows = many(60)
    with ledger() as program:
        seen: set[str] = set()
        for number in range(8):
            part = rng.sample(rows, 15)
            path = program.csv(f"acme-bank_202403{number + 10}.csv", *part)
            bad = program.csv(f"acme-bank_202403{number + 10}_bad.csv", *rng.sample(rows, 15), "broken")
            results = program.load(path, bad, path, status=1)
            assert [r["status"] for r in results] == ["applied", "refused", "already-applied"]
            assert counts(results[0], "new", "duplicate") == ("applied", len(set(part) - seen), len(set(part) & seen))
            seen |= set(part)
        assert total(program) == (len(seen) * 125, len(seen))
