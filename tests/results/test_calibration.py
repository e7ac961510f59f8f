"""From trials to solve rates and a verdict, against published values and a table counted by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.documents import parse, validate
from assay.errors import UsageError
from assay.model.calibration import Calibration
from assay.model.settings import Thresholds
from assay.reporters.calibration import as_text, headline, suite_text
from assay.results.calibration import calibrate, demand_open
from assay.results.discrimination import correlation
from assay.results.intervals import newcombe
from assay.results.rates import pass_at, rate_of
from assay.results.suites import suite
from assay.storage import as_json
from assay.workspace import load
from tests.pages.example import TASK, make_workspace
from tests.pages.test_quarantine import ESCALATION, FILE
from tests.results.trials import MILESTONES, SUBJECT, calibrated, invalid, study, trial

GOLDEN = Path(__file__).with_name("calibration.txt")


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"), [(3, 5, 0.231, 0.882), (0, 5, 0, 0.434), (5, 5, 0.566, 1), (7, 20, 0.181, 0.567)]
)
def test_rates_carry_wilson_intervals(passed: int, n: int, low: float, high: float) -> None:
    rate = rate_of([True] * passed + [False] * (n - passed))
    assert (rate.rate, round(rate.low or 0, 3), round(rate.high or 0, 3)) == (passed / n, low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_differences_match_newcombe_1998(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    interval = newcombe(first, second)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_pass_at_k_and_pass_to_the_k() -> None:
    assert pass_at(2, 3, 5).model_dump() == {"k": 2, "any": 0.9, "all": 0.3}
    assert pass_at(5, 3, 4).any is None


def test_point_biserial_by_its_textbook_formula() -> None:
    """(mean of those who passed - mean of the others) / deviation * sqrt(pq): (5 - 2) / sqrt(3.25) * 1/2."""
    assert correlation([1, 1, 0, 0], [4, 6, 1, 3]) == pytest.approx(3 / 3.25**0.5 / 2, abs=1e-6)
    assert correlation([1, 1], [0, 1]) is None


def test_the_table_counted_by_hand() -> None:
    made = calibrated()
    dull, keen = "agent-1", "agent-2"
    rows = {(row.arm, row.mode, row.milestone): row for row in made.milestones}
    skip = rows[dull, "simulated", "skip-words"]
    assert skip.given_previous is not None
    assert (skip.given_previous.passed, skip.given_previous.n) == (0, 2)
    assert skip.from_reference is not None
    assert (skip.from_reference.passed, skip.from_reference.n) == (4, 5)
    assert skip.debt is not None
    assert (skip.debt.value, skip.debt.established) == (0.8, True)
    count = rows[keen, "simulated", "count-words"].solved
    assert (count.passed, count.n, count.missing) == (4, 5, 1)
    assert (count.least, count.most) == (round(4 / 6, 6), round(5 / 6, 6))
    assert rows[keen, "simulated", "skip-words"].turns == 5
    samples = {(sample.arm, sample.mode): sample for sample in made.samples}
    sample = samples[dull, "simulated"]
    assert sample.outcomes == {"scored": 5, "invalid-environment": 1}
    assert (sample.elicited.value, sample.precise.value) == (0.5, 0.75)
    assert sample.correction == pytest.approx(2 * 1.4 / 5)
    assert samples[keen, "simulated"].retained.value == 0.9
    assert {arm.name: arm.cost.value for arm in made.arms if arm.cost} == {dull: 0.6}
    assert (made.verdict, made.difficulty, made.solved.passed, made.solved.n) == ("in-band", "medium", 4, 10)


def test_items_that_tell_nothing_are_flagged() -> None:
    made = calibrated()
    tests = {item.id: item for item in made.tests}
    assert {name: item.flag for name, item in tests.items() if item.flag} == {
        "count-words/test_runs": "always-passes",
        "skip-words/test_runs": "always-passes",
    }
    assert (tests["count-words/test_runs"].in_failing.got, tests["count-words/test_runs"].in_failing.of) == (4, 4)
    assert {item.id for item in made.criteria} == {"counts", "skips"}
    backwards = [trial("a", good, not good) for good in (True, True, False, False, False)]
    assert {item.flag for item in calibrated(backwards).tests if item.id.endswith("test_it")} == {"weak"}


@pytest.mark.parametrize(
    ("solved", "verdict"),
    [
        ([(3, 3)], "not-enough-trials"),
        ([(5, 5)], "too-easy"),
        ([(0, 5)], "too-hard"),
        ([(3, 5)], "in-band"),
        ([(3, 5), (3, 5)], "does-not-separate"),
        ([(5, 5), (0, 5)], "in-band"),
        ([(5, 5), (2, 4)], "too-easy"),
    ],
)
def test_verdicts(solved: list[tuple[int, int]], verdict: str) -> None:
    results = [
        trial(f"arm-{place}", True, number < passed) for place, (passed, n) in enumerate(solved) for number in range(n)
    ]
    assert calibrated(results).verdict == verdict


def test_outside_the_band_the_interval_must_say_so_too() -> None:
    subject = dataclasses.replace(SUBJECT, thresholds=Thresholds(band=[0.4, 0.6], trials=3))
    made = calibrate(subject, [trial("a", True, good) for good in (True, True, False)])
    assert (made.verdict, made.difficulty) == ("not-enough-trials", None)
    with pytest.raises(ValueError, match="low to high"):
        Thresholds(band=[0.9, 0.1])


def test_policies_are_named_and_measure_no_difficulty() -> None:
    made = calibrated([trial("policy-strong", True, True)] * 5 + [trial("policy-lazy", False, False)] * 5)
    assert (made.scripted, made.verdict, made.difficulty) == (True, "in-band", None)
    assert [arm.name for arm in made.arms] == ["policy-lazy", "policy-strong"]
    assert "scripted policies, not models" in headline(made)
    mixed = calibrated([trial("policy-strong", True, True)] * 5 + [trial("a", False, False)] * 5)
    assert (mixed.scripted, mixed.verdict, mixed.solved.n) == (False, "too-hard", 5)


def test_no_file_tells_who_an_agent_is() -> None:
    names = ["keen-agent", "dull-agent", "policy-secret"]
    text = as_json(calibrated([*study(), trial("policy-secret", True, True)])).decode()
    assert [name for name in names if name in text] == []
    other = calibrate(dataclasses.replace(SUBJECT, key="another"), study())
    assert {arm.ref for arm in other.arms if arm.ref}.isdisjoint(arm.ref for arm in calibrated().arms)


def test_drift_is_what_chance_does_not_explain() -> None:
    before = calibrated([trial("dull-agent", True, True)] * 12 + [trial("policy-strong", True, True)] * 5)
    drift = calibrated(previous=before).drift
    assert drift is not None
    assert {(change.arm, change.milestone, change.apart) for change in drift.changes} == {
        ("agent-1", None, True),
        ("agent-1", "count-words", False),
        ("agent-1", "skip-words", True),
    }
    assert not calibrated(previous=calibrated()).drift.changes  # type: ignore[union-attr]
    elsewhere = calibrate(dataclasses.replace(SUBJECT, key="another"), study(), before).drift
    assert elsewhere is not None
    assert (elsewhere.comparable, "`agent-1`" in elsewhere.reason, elsewhere.changes) == (True, True, [])
    changed = calibrate(dataclasses.replace(SUBJECT, content_sha256="b" * 64), study(), before).drift
    assert changed is not None
    assert (changed.comparable, changed.changes) == (False, [])


REWORDED = "rephrased-0123456789ab"


def test_trials_with_different_simulated_users_are_not_mixed_silently() -> None:
    authored = [trial("a", True, good) for good in (True, True, False)]
    reworded = [one.model_copy(update={"wording": REWORDED, "incidents": 2}) for one in authored]
    for same in (authored, reworded):
        made = calibrated(same * 2)
        assert "not the same" not in made.why
        assert (REWORDED in as_text(made)) == (same is reworded)
    mixed = calibrated([*authored, *reworded])
    assert mixed.why.endswith(f"; the simulated user was not the same in all: authored, {REWORDED}")
    assert mixed.wordings == ["authored", REWORDED]
    assert "6 other wordings were refused" in as_text(mixed)
    full = [one.model_copy(update={"mode": "full"}) for one in authored]
    assert "not the same" not in calibrated([*reworded, *full]).why


def test_drift_is_not_that_of_another_simulated_user() -> None:
    good = [trial("a", True, True, mode=mode) for mode in ("simulated", "full")] * 10
    bad = [trial("a", False, False, mode=mode, wording=REWORDED) for mode in ("simulated", "full")]
    drift = calibrated(bad * 10, previous=calibrated(good)).drift
    assert drift is not None
    assert {change.mode for change in drift.changes} == {"full"}
    assert (drift.comparable, drift.reason) == (True, f"the simulated user spoke otherwise: authored, now {REWORDED}")
    alone = calibrated(bad[:1] * 10, previous=calibrated(good[:1])).drift
    assert alone is not None
    assert (alone.comparable, alone.changes) == (False, [])


def test_several_tasks_resample_tasks() -> None:
    one = calibrated()
    cheap = [trial("dull-agent", True, True, mode=mode) for mode in ("simulated", "full")] * 2
    other = calibrate(dataclasses.replace(SUBJECT, task="other"), cheap)
    rows, costs = suite([one, other], "seed")
    at = {(row.arm, row.mode, row.k): row for row in rows}
    assert (at["agent-1", "full", 2].any, at["agent-1", "full", 2].all) == (0.95, 0.65)
    assert (at["agent-1", "full", 5].tasks, at["agent-1", "full", 5].undefined) == (("tally-words",), ("other",))
    assert [(cost.arm, cost.difference.value, cost.tasks) for cost in costs] == [
        ("agent-1", 0.3, ("tally-words", "other"))
    ]
    assert (costs[0].difference.low, costs[0].difference.high) == (0, 0.6)
    assert suite([one, other], "seed") == (rows, costs)
    assert "full minus simulated +0.30 [+0.00, +0.60]" in suite_text(rows, costs)


def test_the_text_is_as_it_was() -> None:
    before = calibrated([trial("dull-agent", True, True)] * 12)
    assert as_text(calibrated(previous=before)) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_the_file_reads_back(tmp_path: Path) -> None:
    made = calibrated(previous=calibrated())
    document, _ = parse(as_json(made).decode(), "calibration.json", ".json")
    assert document is not None
    assert validate(document, Calibration) == (made, [])


def test_a_quarantined_task_is_not_calibrated(tmp_path: Path) -> None:
    root = make_workspace(tmp_path / "workspace")
    demand_open(load(root), TASK)
    (root / FILE).parent.mkdir(parents=True)
    (root / FILE).write_text(ESCALATION)
    with pytest.raises(UsageError, match="quarantined"):
        demand_open(load(root), TASK)


TRIALS = st.builds(
    trial,
    st.sampled_from(["one", "two", "policy-lazy"]),
    st.booleans(),
    st.booleans(),
    mode=st.sampled_from(["simulated", "full"]),
    outcome=st.sampled_from(["scored", "timed-out"]),
)


def numbers(found: Any) -> Any:
    """Everything but the counts of what is invalid."""
    if isinstance(found, dict):
        left_out = {"missing", "least", "most", "outcomes", "trials", "simulator"}
        return {key: numbers(value) for key, value in found.items() if key not in left_out}
    return [numbers(item) for item in found] if isinstance(found, list) else found


@given(st.lists(TRIALS, min_size=1, max_size=25), st.data())
def test_invalid_trials_change_no_number(results: list[Any], data: st.DataObject) -> None:
    made = calibrated(results)
    picked = data.draw(st.lists(st.sampled_from(results), min_size=1, max_size=6))
    spoilt = [invalid(item.agent, "invalid-verifier", mode=item.mode) for item in picked]
    spoilt += [item.model_copy(update={"simulator": "helped"}) for item in picked]
    more = calibrated([*results, *spoilt])
    assert numbers(more.model_dump()) == numbers(made.model_dump())
    rates = [row.solved for row in more.milestones] + [sample.solved for sample in more.samples]
    assert sum(sample.solved.missing for sample in more.samples) == len(spoilt)
    for rate in (rate for rate in rates if rate.n):
        assert None not in (rate.rate, rate.low, rate.high, rate.least, rate.most)
        assert 0 <= rate.low <= rate.rate <= rate.high <= 1  # type: ignore[operator]
        assert 0 <= rate.least <= rate.rate <= rate.most <= 1  # type: ignore[operator]
    assert {row.milestone for row in more.milestones} == set(MILESTONES)
