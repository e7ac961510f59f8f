"""A proof as text: the verdict in one line, then a paragraph for everything that a person should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from assay.model.outcome import Proof, Stage
from assay.mutation.grading import score
from assay.replay.journal import place
from assay.results.intervals import Interval, wilson


def as_text(proof: Proof, folder: Path, *, earlier: bool) -> Iterator[str]:
    """Lines on a proof whose evidence is in `folder`; `earlier` when it is not from this run."""
    when = f"unchanged since {proof.finished[:19]}Z" if earlier else f"{_seconds(proof):.1f} s"
    yield f"{proof.task}: {proof.verdict} ({_summary(proof)}) {when}"
    if proof.resumed:
        yield f"  went on from {proof.resumed}; what was decided there was taken over"
    for group in _undecided(proof):
        yield from _why_undecided(group, folder)
    for stage in proof.stages:
        if stage.holds is False:
            yield from _refuted(stage, folder)
        if stage.mutant == "survived":
            yield f"  {stage.name} survived: {stage.title}"
            yield from (f"    {line}" for line in stage.diff.splitlines())
        for note in stage.notes:
            yield f"  {stage.name}: note: {note}"
    for finding in proof.scan.findings if proof.scan else ():
        yield f"  image: {finding.rule}: {finding.path}: {finding.message}"
    for reason in proof.scan.unread if proof.scan else ():
        yield f"  image: note: not searched: {reason}"
    for part, reason in proof.unfinished.items():
        yield f"  {part}: {_indented(reason)}"
    for difference in dict.fromkeys(proof.drift.values()):
        yield f"  {', '.join(name for name in proof.drift if proof.drift[name] == difference)}: drift: {difference}"
    for note in proof.notes:
        yield f"  note: {note}"
    for attempt in proof.superseded:
        where = f"; see {folder.parent / attempt.run / attempt.stage}" if attempt.run else ""
        yield f"  superseded: {attempt.stage}: {attempt.reason}{where}"


def _seconds(proof: Proof) -> float:
    return (datetime.fromisoformat(proof.finished) - datetime.fromisoformat(proof.started)).total_seconds()


def _summary(proof: Proof) -> str:
    kinds: dict[str, list[Stage]] = {}
    for stage in proof.stages:
        kinds.setdefault(stage.kind, []).append(stage)
    no_op = {True: "fails", False: "does not fail", None: "is undecided"}
    parts = [f"no-op {no_op[stage.holds]}" for stage in kinds.get("no-op", ())]
    parts += [f"ladder {_held(stages)}" for stages in [kinds.get("ladder")] if stages]
    parts += [f"oracle {_held(stages, interval=True)}" for stages in [kinds.get("oracle")] if stages]
    parts += [_hijack(stages) for stages in [kinds.get("hijack")] if stages]
    parts += [_mutants(stages) for stages in [kinds.get("mutant")] if stages]
    text = ", ".join(parts)
    if attempts := kinds.get("trajectory"):
        decided = [stage for stage in attempts if stage.holds is not None]
        held, one = sum(stage.holds is True for stage in decided), len(decided) == 1
        text += f"; {held} of {len(decided)} trajector{'y reproduces' if one else 'ies reproduce'}"
        text += _of(decided, attempts)
    return text


def _held(stages: Sequence[Stage], *, interval: bool = False) -> str:
    """How many hold of those that were decided: what is invalid counts neither way."""
    decided = [stage for stage in stages if stage.holds is not None]
    held = sum(stage.holds is True for stage in decided)
    shown = f" {_range(wilson(held, len(decided)))}" if interval and decided else ""
    return f"{held}/{len(decided)}{shown}{_of(decided, stages)}"


def _of(decided: Sequence[Stage], stages: Sequence[Stage]) -> str:
    return "" if len(decided) == len(stages) else f" ({len(decided)} of {len(stages)} decided)"


def _range(interval: Interval) -> str:
    return f"[{interval.low:.2f}, {interval.high:.2f}]"


def _hijack(stages: Sequence[Stage]) -> str:
    decided = [stage for stage in stages if stage.holds is not None]
    acted = [stage for stage in decided if stage.reports]
    idle = len(decided) - len(acted)
    text = f"hijack {sum(stage.forged for stage in acted)}/{len(acted)} forged"
    return f"{text}{f', {idle} with nothing to act on' if idle else ''}{_of(decided, stages)}"


def _mutants(stages: Sequence[Stage]) -> str:
    killed, survived, interval = score(stages)
    text = f"mutants {killed} of {killed + survived} killed"
    text += f" {_range(interval)}" if interval else ""
    others = Counter(stage.mutant or "invalid" for stage in stages if stage.mutant not in ("killed", "survived"))
    return text + "".join(f", {count} {name}" for name, count in sorted(others.items()))


def _undecided(proof: Proof) -> list[list[Stage]]:
    """Stages that ended without a result, together when for the same reason."""
    groups: dict[tuple[str, str], list[Stage]] = {}
    for stage in proof.stages:
        if stage.holds is None or (stage.kind == "mutant" and stage.outcome == "invalid-environment"):
            groups.setdefault((stage.outcome, stage.reason), []).append(stage)
    return list(groups.values())


def _why_undecided(stages: Sequence[Stage], folder: Path) -> Iterator[str]:
    first = stages[0]
    names = [place(stage.name, stage.attempt) for stage in stages]
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    yield f"  {', '.join(names[:3] if more else names)}{more}: {first.outcome}: {_indented(first.reason)}"
    yield f"    evidence: {folder / names[0]}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _refuted(stage: Stage, folder: Path) -> Iterator[str]:
    name = place(stage.name, stage.attempt)
    for report in stage.reports:
        if report.passed is stage.expected.get(report.milestone):
            continue
        wanted, found = ("pass", "failed") if stage.expected.get(report.milestone) else ("fail", "passed")
        forged = f"forged, {stage.title}: " if stage.forged else ""
        yield f"  {name}: {forged}tests of `{report.milestone}` must {wanted}; they {found}"
        failing = [test.name for test in report.tests if test.status in ("failed", "error")]
        if failing and wanted == "pass":
            yield f"    failing: {', '.join(failing)}"
        yield f"    log: {folder / (stage.same_as or name) / f'{report.milestone}.log'}"
    for difference in stage.differences:
        yield f"  {name}: {difference}"
