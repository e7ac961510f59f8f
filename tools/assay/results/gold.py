"""How often annotators gave the right answer where it is known, and what passing such a test proves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, comb

from assay.model.annotation import Annotation
from assay.model.gold import GoldAnswers
from assay.results.versions import Changes, Difference
from assay.workspace import Workspace

FEW = 40
"""Labels below which a bar of 80 % lets every fourth of those pass who are right 70 % of the time."""
WEAK, GOOD = Fraction(7, 10), Fraction(9, 10)
"""True accuracies that a bar is to tell apart."""


@dataclass(frozen=True)
class GoldScore:
    """One annotator's answers to gold tasks."""

    annotator: str
    tasks: tuple[str, ...]
    labels: int
    """Verdicts on what has a known answer, `unclear` ones too."""
    right: int
    unclear: int
    bar: Fraction

    @property
    def accuracy(self) -> float | None:
        """Between 0 and 1; None without labels."""
        return self.right / self.labels if self.labels else None

    @property
    def passed(self) -> bool | None:
        """Whether the bar is reached; None without labels."""
        return self.right >= needed(self.labels, self.bar) if self.labels else None

    def chance(self, accuracy: Fraction) -> float:
        """How probably somebody of that true accuracy passes with as many labels."""
        return chance_to_pass(accuracy, self.labels, self.bar)


def needed(labels: int, bar: Fraction) -> int:
    """How many of `labels` must be right."""
    return ceil(bar * labels)


def chance_to_pass(accuracy: Fraction, labels: int, bar: Fraction) -> float:
    """The probability that so many of independent labels are right: the upper tail of a binomial, exactly."""
    wrong = 1 - accuracy
    hits = range(needed(labels, bar), labels + 1)
    return float(sum(comb(labels, n) * accuracy**n * wrong ** (labels - n) for n in hits))


def gold_scores(workspace: Workspace, gold: Mapping[str, GoldAnswers], bar: Fraction) -> list[GoldScore]:
    """Everybody who has graded a gold task and revealed it, by handle.

    What a criterion asks may have changed since the answers were given, or since the grading: such criteria count for
    nobody, nor does a grading against a rubric that git does not have.
    """
    changes = Changes(workspace)
    by_annotator: dict[str, list[Annotation]] = {}
    for sheet in workspace.sheets:
        if sheet.entry and sheet.task in gold:
            by_annotator.setdefault(sheet.annotator, []).append(sheet.entry.record)
    return [_score(workspace, changes, gold, name, by_annotator[name], bar) for name in sorted(by_annotator)]


def _score(
    workspace: Workspace,
    changes: Changes,
    gold: Mapping[str, GoldAnswers],
    name: str,
    records: Iterable[Annotation],
    bar: Fraction,
) -> GoldScore:
    found: list[tuple[str, bool | None]] = []
    for record in records:
        answers = gold[record.task]
        open_again = _changed(workspace, changes, answers, record)
        found += [
            (record.task, None if grades[criterion].holds == "unclear" else grades[criterion].holds is answer)
            for alias, known in answers.answers.items()
            for criterion, answer in known.items()
            if answer != "unclear" and criterion not in open_again
            if alias in record.grades and criterion in (grades := record.grades[alias].criteria)
        ]
    verdicts = [verdict for _, verdict in found]
    tasks = tuple(dict.fromkeys(task for task, _ in found))
    return GoldScore(name, tasks, len(found), verdicts.count(True), verdicts.count(None), bar)


def _changed(workspace: Workspace, changes: Changes, answers: GoldAnswers, record: Annotation) -> set[str]:
    """Criteria that do not ask the same of both; all of them where that cannot be told."""
    task = workspace.tasks.get(record.task)
    if task is None or answers.rubric == record.rubric:
        return set()
    both = [changes.of_rubric(task, blob) for blob in (answers.rubric, record.rubric)]
    if None in both:
        return {criterion for known in answers.answers.values() for criterion in known}
    return {name for one in both if isinstance(one, Difference) for name in (*one.added, *one.removed, *one.reworded)}
