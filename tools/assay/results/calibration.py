"""The calibration of one task: solve rates, what asking costs, and a verdict on its difficulty, from its trials.

Trials without a grade are counted and in no number. Where nothing can be said the value is None, never 0.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import get_args

from assay.errors import UsageError
from assay.model.agents import PolicyName
from assay.model.calibration import (
    Arm,
    Calibration,
    CalibrationMode,
    MilestoneRates,
    Rate,
    Sample,
    Share,
    Trial,
    TrialResult,
)
from assay.model.outcome import Outcome, is_valid
from assay.model.settings import Thresholds
from assay.results.discrimination import items
from assay.results.drift import drift
from assay.results.rates import DIGITS, difference, pass_at, rate_of
from assay.results.verdict import judge
from assay.workspace import Workspace

MODES: tuple[CalibrationMode, ...] = get_args(CalibrationMode)
POLICIES = frozenset(f"policy-{name}" for name in get_args(PolicyName))
AT = (1, 2, 3, 5)
"""The k of pass@k and pass^k."""
NUDGE = 0.2
"""What a nudge counts, in corrections."""


def demand_open(workspace: Workspace, task: str) -> None:
    """Raise UsageError for a quarantined task: what it measures now says nothing."""
    held = workspace.quarantined(task)
    if held:
        first = held[0]
        message = f"`{task}` is quarantined: {first.record.title}"
        raise UsageError("task-quarantined", message, f"resolve {first.path} first, or calibrate other tasks")


@dataclass(frozen=True)
class Subject:
    """What was calibrated, and how."""

    task: str
    content_sha256: str
    user_sha256: str | None
    milestones: Sequence[str]
    harness: str
    seed: str
    key: str
    """Secret of this machine: numbers the agents, so that nobody can tell them from their numbers."""
    thresholds: Thresholds


def calibrate(subject: Subject, results: Sequence[TrialResult], previous: Calibration | None = None) -> Calibration:
    """Everything that calibration.json says. Raises ValueError without any trial."""
    if not results:
        raise ValueError("a calibration needs at least one trial")
    names = _names(results, subject.key)
    scripted = all(result.scripted for result in results)
    judged = [result for result in results if (scripted or not result.scripted) and result.starts_at is None]
    mode: CalibrationMode = "simulated" if any(r.mode == "simulated" and usable(r) for r in judged) else "full"
    verdict = judge(_by_arm(judged, mode, names, subject.milestones), subject.thresholds)
    sound = [result for result in judged if usable(result)]
    samples = [
        _sample(name, chosen_mode, chosen, subject.milestones)
        for name, chosen_mode, chosen in _groups(results, names)
        if any(result.starts_at is None for result in chosen)
    ]
    made = Calibration(
        format=1,
        task=subject.task,
        content_sha256=subject.content_sha256,
        user_sha256=subject.user_sha256,
        harness=subject.harness,
        seed=subject.seed,
        thresholds=subject.thresholds,
        verdict=verdict.word,
        why=verdict.why + _mixed(result for result in sound if result.mode == mode == "simulated"),
        difficulty=None if scripted else verdict.difficulty,
        scripted=scripted,
        mode=mode,
        solved=verdict.solved,
        arms=_arms(results, names, subject.key, samples),
        samples=samples,
        milestones=[row for group in _groups(results, names) for row in _rows(*group, subject.milestones)],
        tests=items([_tests(result) for result in sound], subject.thresholds.trials),
        criteria=items([_criteria(result, subject.milestones) for result in sound], subject.thresholds.trials),
        drift=None,
        trials=[_open(result, names[result.agent]) for result in results],
    )
    return made.model_copy(update={"drift": drift(previous, made)}) if previous else made


def usable(result: TrialResult) -> bool:
    """Whether the trial is in rates: it has a grade, and the simulated user did not decide it."""
    return is_valid(result.outcome) and result.simulator not in ("helped", "hindered")


def solves(result: TrialResult, milestones: Iterable[str]) -> bool | None:
    """Whether all milestones pass in the final state; None when that is not known."""
    found = [result.passed.get(name) for name in milestones]
    return False if False in found else None if None in found else True


def _ref(agent: str, key: str) -> str:
    return hmac.new(key.encode(), f"calibration\0{agent}".encode(), "sha256").hexdigest()


def _names(results: Iterable[TrialResult], key: str) -> dict[str, str]:
    """What each agent is called in the open: agents in the order of their keyed digests, then policies."""
    agents = {result.agent: result.scripted for result in results}
    policies = sorted(agent for agent, scripted in agents.items() if scripted and agent in POLICIES)
    others = sorted((agent for agent in agents if agent not in policies), key=lambda agent: _ref(agent, key))
    return {agent: f"agent-{number}" for number, agent in enumerate(others, 1)} | {name: name for name in policies}


def _groups(
    results: Sequence[TrialResult], names: Mapping[str, str]
) -> Iterator[tuple[str, CalibrationMode, list[TrialResult]]]:
    for agent, name in names.items():
        for mode in MODES:
            chosen = [result for result in results if result.agent == agent and result.mode == mode]
            if chosen:
                yield name, mode, chosen


def _arms(results: Sequence[TrialResult], names: Mapping[str, str], key: str, samples: Sequence[Sample]) -> list[Arm]:
    scripted = {result.agent: result.scripted for result in results}
    solved = {(sample.arm, sample.mode): sample.solved for sample in samples}
    nothing = rate_of(())
    return [
        Arm(
            name=name,
            scripted=scripted[agent],
            ref=None if name == agent else _ref(agent, key),
            cost=difference(solved.get((name, "full"), nothing), solved.get((name, "simulated"), nothing)),
        )
        for agent, name in names.items()
    ]


def _sample(arm: str, mode: CalibrationMode, results: Sequence[TrialResult], milestones: Sequence[str]) -> Sample:
    own = [result for result in results if result.starts_at is None]
    sound = [result for result in own if usable(result)]
    reviewed = [result for result in own if result.simulator and is_valid(result.outcome)]
    solved = _solved(own, milestones)

    def share(got: Callable[[TrialResult], int], of: Callable[[TrialResult], int]) -> Share:
        return Share(got=sum(map(got, sound)), of=sum(map(of, sound)))

    return Sample(
        arm=arm,
        mode=mode,
        outcomes=_tally(own),
        solved=solved,
        passes=[pass_at(k, solved.passed, solved.n) for k in AT],
        elicited=share(lambda r: r.revealed, lambda r: r.reachable),
        precise=share(lambda r: r.matched, lambda r: r.questions),
        correction=round(fmean(r.corrections + NUDGE * r.nudges for r in sound), DIGITS) if sound else None,
        retained=share(lambda r: r.retained, lambda r: r.once_passed),
        simulator=Share(got=sum(map(usable, reviewed)), of=len(reviewed)),
        seconds=_median([r.seconds for r in sound]),
        tokens=_median([r.tokens for r in sound if r.tokens is not None]),
    )


def _tally(results: Iterable[TrialResult]) -> dict[str, int]:
    """Each class once, those the simulated user spoilt in one of their own."""
    spoilt = ("simulator-helped", "simulator-hindered")
    found = Counter(f"simulator-{r.simulator}" if is_valid(r.outcome) and not usable(r) else r.outcome for r in results)
    return {name: found[name] for name in (*get_args(Outcome), *spoilt) if found[name] or name == "scored"}


def _solved(results: Iterable[TrialResult], milestones: Sequence[str]) -> Rate:
    return rate_of(solves(result, milestones) if usable(result) else None for result in results)


def _rows(
    arm: str, mode: CalibrationMode, results: Sequence[TrialResult], milestones: Sequence[str]
) -> Iterator[MilestoneRates]:
    own = [result for result in results if result.starts_at is None]
    for place, name in enumerate(milestones):
        started = [result for result in results if result.starts_at == name]
        solved, helped = _passing(own, name), _passing(started, name)
        before = milestones[place - 1] if place else None
        reached = [result.turns_to[name] for result in own if usable(result) and name in result.turns_to]
        yield MilestoneRates(
            arm=arm,
            mode=mode,
            milestone=name,
            solved=solved,
            given_previous=_passing([r for r in own if usable(r) and r.passed.get(before)], name) if before else None,
            from_reference=helped if started else None,
            debt=difference(helped, solved),
            turns=_median(reached),
        )


def _passing(results: Iterable[TrialResult], milestone: str) -> Rate:
    return rate_of(result.passed.get(milestone) if usable(result) else None for result in results)


def _median(values: Sequence[float]) -> float | None:
    return round(float(median(values)), 1) if values else None


def _by_arm(
    judged: Sequence[TrialResult], mode: CalibrationMode, names: Mapping[str, str], milestones: Sequence[str]
) -> dict[str, Rate]:
    return {name: _solved(chosen, milestones) for name, found, chosen in _groups(judged, names) if found == mode}


def _tests(result: TrialResult) -> dict[str, tuple[bool, bool]]:
    """Test id -> whether it passed, and whether the trial failed its milestone."""
    return {
        f"{milestone}/{name}": (good, result.passed.get(milestone) is False)
        for milestone, tests in result.tests.items()
        for name, good in tests.items()
    }


def _criteria(result: TrialResult, milestones: Sequence[str]) -> dict[str, tuple[bool, bool]]:
    failed = solves(result, milestones) is False
    return {name: (good, failed) for name, good in result.criteria.items()}


def _open(result: TrialResult, name: str) -> Trial:
    return Trial(
        arm=name,
        mode=result.mode,
        starts_at=result.starts_at,
        outcome=result.outcome,
        passed=result.passed,
        turns=result.turns,
        wording=result.wording,
        incidents=result.incidents,
    )


def _mixed(results: Iterable[TrialResult]) -> str:
    """What to say when the simulated user of some trials spoke otherwise than that of the others."""
    wordings = sorted({result.wording for result in results})
    return f"; the simulated user was not the same in all: {', '.join(wordings)}" if len(wordings) > 1 else ""
