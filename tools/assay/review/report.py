"""Everything a reviewer asks of a pull request, computed from two states of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from assay.diagnostics import Diagnostic, Severity, fingerprints
from assay.model.annotation import OPEN, Annotation
from assay.review.changes import Item, is_withheld, items
from assay.rules import run
from assay.sealing.places import is_draft
from assay.workspace import Workspace


@dataclass(frozen=True)
class Progress:
    """How far one annotator is with one task; no numbers while nobody may see them."""

    task: str
    annotator: str
    state: str
    """`revealed`, `sealed` or `nothing yet`."""
    graded: tuple[int, int] | None = None
    """Verdicts given, and due."""
    ranked: tuple[int, int] | None = None
    """Trajectories ranked, and due."""
    cited: tuple[int, int] | None = None
    """Verdicts that cite evidence, and verdicts given."""
    minutes: float | None = None


@dataclass(frozen=True)
class Disagreement:
    """Annotators who are not of one mind; `said` is by annotator."""

    task: str
    about: str
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pairs:
    """How two rankings of a task compare: pairs of trajectories in the same order or tie, reversed, tied in one."""

    task: str
    annotators: tuple[str, str]
    same: int
    reversed: int
    tied_once: int


@dataclass(frozen=True)
class Report:
    """The report as data."""

    base: str
    reasons: tuple[str, ...]
    """Why it needs work; none when it is ready."""
    items: tuple[Item, ...]
    new: tuple[Diagnostic, ...]
    resolved: tuple[Diagnostic, ...]
    hidden: int
    """New findings in what is not revealed: counted, not shown."""
    progress: tuple[Progress, ...]
    disagreements: tuple[Disagreement, ...]
    rankings: tuple[Pairs, ...]
    runs: int
    """Recorded runs of the tasks that are touched."""
    run_findings: tuple[Diagnostic, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing speaks against the merge that a machine can see."""
        return not self.reasons


def report(base: str, before: Workspace, now: Workspace, paths: Iterable[str]) -> Report:
    """Compare two states; `paths` are those that differ."""
    changed = {path for path in paths if not is_draft(path)}
    found = items(before, now, changed)
    old, new = run(before), [item for item in run(now) if not is_draft(item.path)]
    known, kept = dict(zip(fingerprints(old), old, strict=True)), dict(zip(fingerprints(new), new, strict=True))
    came = [item for name, item in kept.items() if name not in known]
    shown = [item for item in came if not is_withheld(before, now, item.path)]
    touched = sorted({path.split("/")[1] for path in changed if path.split("/")[0] in _FOLDERS and path.count("/") > 1})
    sheets = [sheet for task in touched for sheet in _open_sheets(before, now, task)]
    errors = [item for item in new if item.severity is Severity.ERROR and item.path in changed]
    known_runs = [one.path for one in now.runs if one.path.split("/")[1] in touched]
    about_runs = [item for item in new if item.rule.startswith("run-") and item.path.split("/")[1] in touched]
    return Report(
        base=base,
        reasons=tuple(_reasons(came, errors, touched, now)),
        items=tuple(found),
        new=tuple(shown),
        resolved=tuple(item for name, item in known.items() if name not in kept),
        hidden=len(came) - len(shown),
        progress=tuple(row for task in touched for row in _progress(before, now, task)),
        disagreements=tuple(row for task in touched for row in _disagreements(task, sheets)),
        rankings=tuple(row for task in touched for row in _rankings(task, sheets)),
        runs=sum(not is_withheld(before, now, path) for path in known_runs),
        run_findings=tuple(item for item in about_runs if not is_withheld(before, now, item.path)),
    )


_FOLDERS = ("tasks", "trajectories", "annotations")


def _reasons(came: Sequence[Diagnostic], errors: Sequence[Diagnostic], touched: list[str], now: Workspace) -> list[str]:
    """What stands against a merge."""
    reasons = []
    if errors:
        reasons.append(f"{_count(len(errors), 'error')} in files that it changes")
    elsewhere = {item for item in came if item.severity is Severity.ERROR} - set(errors)
    if elsewhere:
        reasons.append(f"{_count(len(elsewhere), 'new error')} in files that it leaves alone")
    if any(entry.record.status == "draft" for task in touched for entry in now.escalations.get(task, ())):
        reasons.append("an escalation is a draft that nobody has looked at")
    return reasons


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _open_sheets(before: Workspace, now: Workspace, task: str) -> list[Annotation]:
    return [
        sheet.entry.record
        for sheet in now.sheets
        if sheet.task == task and sheet.entry and not is_withheld(before, now, sheet.path)
    ]


def _progress(before: Workspace, now: Workspace, task: str) -> list[Progress]:
    """A row for everybody who has graded the task, sealed it, or is to grade it."""
    sheets = {sheet.annotator: sheet for sheet in _open_sheets(before, now, task)}
    sealed = [entry.record.annotator for entry in now.seals if entry.record.task == task]
    sealed += [sheet.annotator for sheet in now.sheets if sheet.task == task and is_withheld(before, now, sheet.path)]
    assigned = now.people.record.assigned.get(task, []) if now.people else []
    rows = []
    for name in sorted({*sheets, *sealed, *assigned}):
        if name in sheets:
            rows.append(_row(now, sheets[name]))
        else:
            rows.append(Progress(task, name, "sealed" if name in sealed else "nothing yet"))
    return rows


def _row(now: Workspace, sheet: Annotation) -> Progress:
    task = now.tasks.get(sheet.task)
    criteria = len(task.rubric.record.criteria) if task and task.rubric else 0
    attempts = now.attempts.get(sheet.task, {})
    due = {
        name for name, one in attempts.items() if not one.is_invalid and (not one.is_dry_run or name in sheet.grades)
    }
    given = [grade for one in sheet.grades.values() for grade in one.criteria.values() if grade.note.strip() != OPEN]
    return Progress(
        sheet.task,
        sheet.annotator,
        "revealed",
        graded=(len(given), criteria * len(due)),
        ranked=(len(due.intersection(alias for tier in sheet.ranking for alias in tier)), len(due)),
        cited=(sum(bool(grade.cites) for grade in given), len(given)),
        minutes=sheet.minutes,
    )


def _disagreements(task: str, sheets: Iterable[Annotation]) -> list[Disagreement]:
    """Criteria of a trajectory on which two verdicts differ."""
    verdicts: dict[str, list[tuple[str, str]]] = {}
    for sheet in sheets:
        for alias, graded in sheet.grades.items() if sheet.task == task else ():
            for name, grade in graded.criteria.items():
                verdicts.setdefault(f"{alias} / {name}", []).append((sheet.annotator, str(grade.holds).lower()))
    return [
        Disagreement(task, about, tuple(said))
        for about, said in verdicts.items()
        if len({word for _, word in said}) > 1
    ]


def _rankings(task: str, sheets: Iterable[Annotation]) -> list[Pairs]:
    """Each two annotators' orders of the trajectories that both ranked: the counts that Kendall's tau is made of."""
    places = {
        sheet.annotator: {alias: place for place, tier in enumerate(sheet.ranking) for alias in tier}
        for sheet in sheets
        if sheet.task == task
    }
    rows = []
    for one, other in combinations(sorted(places), 2):
        a, b = places[one], places[other]
        signs = [
            (_sign(a[x] - a[y]), _sign(b[x] - b[y])) for x, y in combinations([name for name in a if name in b], 2)
        ]
        same = sum(left == right for left, right in signs)
        turned = sum(left * right < 0 for left, right in signs)
        rows.append(Pairs(task, (one, other), same, turned, len(signs) - same - turned))
    return rows


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
