"""Milestone `regression-test`: `make check` tells broken queues from good ones, whoever wrote them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import TESTS, Run, build, run, work_tree

# the submitted `make check` has to end within 30 seconds; the rest is for a busy machine
LIMIT = 45
BUGS = ["BUG_SUBMIT_GAP", "BUG_STOP_GAP", "BUG_SHARED_CV", "BUG_EARLY_IDLE", "BUG_LATE_ATTEMPT"]
GOOD = ["FIXED", "GOOD_ONE_CV"]


def with_queue(source: str) -> Path:
    """The submitted tree with another src/queue.c; asserts that it still builds."""
    root = work_tree()
    target = root / "src/queue.c"
    target.unlink()
    target.write_text(source)
    build(root)
    return root


def variant(name: str) -> str:
    """One version of the queue."""
    if name == "shipped":
        return (TESTS / "shipped_queue.c").read_text()
    return f"#define {name}\n" + (TESTS / "variant_queue.c").read_text()


def check(root: Path) -> Run:
    """`make check` in a tree."""
    return run(["make", "check"], root, LIMIT)


def check_all(trees: dict[str, Path], at_once: int) -> dict[str, Run]:
    """`make check` in every tree."""
    with ThreadPoolExecutor(at_once) as pool:
        return dict(zip(trees, pool.map(check, trees.values())))


@pytest.fixture(scope="module")
def passing() -> dict[str, Run]:
    """`make check` on good queues, the submitted one twice; before the broken ones, to be undisturbed."""
    trees = {"own, first": work_tree(), "own, second": work_tree()}
    for root in trees.values():
        build(root)
    return check_all(trees | {name: with_queue(variant(name)) for name in GOOD}, 2)


@pytest.fixture(scope="module")
def broken(passing: dict[str, Run]) -> dict[str, Run]:
    """`make check` on each broken queue; three at a time, as hangs mostly wait."""
    return check_all({name: with_queue(variant(name)) for name in [*BUGS, "shipped"]}, 3)


def test_check_passes_on_own_queue(passing: dict[str, Run]) -> None:
    """The submitted queue passes the submitted checks, also the second time."""
    for name in ("own, first", "own, second"):
        assert passing[name].status == 0, passing[name].brief()


def test_check_passes_on_other_good_queues(passing: dict[str, Run]) -> None:
    """Queues that keep the contract of jobq.h in another way pass as well."""
    for name in GOOD:
        assert passing[name].status == 0, f"{name}: {passing[name].brief()}"


@pytest.mark.parametrize("name", BUGS)
def test_check_fails_on_one_fault(broken: dict[str, Run], name: str) -> None:
    """A queue with one single fault fails, and does not hang the checks."""
    result = broken[name]
    assert result.status is not None, f"`make check` did not end with {name}"
    assert result.status != 0, f"`make check` passed with {name}: {result.brief()}"


def test_check_fails_on_the_shipped_queue(broken: dict[str, Run]) -> None:
    """The queue as it was at the beginning fails."""
    result = broken["shipped"]
    assert result.status is not None and result.status != 0, result.brief()
