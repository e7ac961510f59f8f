"""The labelled cases: what an audit finds in each is exactly what its label says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from assay.audit import Audited, all_task_rules, audit, checked_rules
from assay.audit.folder import TaskFolder
from assay.diagnostics import Severity
from tests.audit.cases import Case, cases, materialise


@dataclass(frozen=True)
class Judged:
    case: Case
    audited: Audited

    def found(self, *severities: Severity) -> set[str]:
        return {item.rule for item in self.audited.findings if item.severity in severities or not severities}

    @property
    def scored(self) -> set[str]:
        """Warnings and errors, and those notes that the label speaks of."""
        return self.found(Severity.ERROR, Severity.WARNING) | self.found(Severity.NOTE) & self.case.notes


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[Judged]:
    parent = tmp_path_factory.mktemp("cases")
    return [Judged(case, audit(TaskFolder(materialise(case, parent), case.name), {})) for case in cases()]


def test_precision_and_recall_are_one(judged: list[Judged]) -> None:
    expected = {(item.case.name, rule) for item in judged for rule in item.case.rules | item.case.notes}
    found = {(item.case.name, rule) for item in judged for rule in item.scored}
    for case, rule in sorted(expected - found):
        print(f"missed: {rule} in {case}")
    for item in judged:
        for finding in item.audited.findings:
            if (item.case.name, finding.rule) in found - expected:
                print(f"false alarm: {finding.path}:{finding.line}: {finding.rule}: {finding.message}")
    right = len(expected & found)
    precision, recall = right / len(found), right / len(expected)
    print(f"{len(judged)} cases, {len(expected)} labels: precision {precision:.3f}, recall {recall:.3f}")
    assert (precision, recall) == (1.0, 1.0)


def test_findings_stand_where_the_labels_say(judged: list[Judged]) -> None:
    wrong = []
    for item in judged:
        wanted = item.case.rules | item.case.notes
        places = {(found.path, found.line) for found in item.audited.findings if found.rule in wanted}
        for path, line in item.case.line.items():
            if (f"{item.case.name}/{path}", line) not in places:
                wrong.append(f"{item.case.name}: nothing at {path}:{line}; found {sorted(places)}")
    assert wrong == []


def test_every_rule_has_a_bad_case_and_a_near_miss(judged: list[Judged]) -> None:
    shown = {rule for item in judged for rule in item.scored}
    near = {item.case.name.partition("--")[0] for item in judged if "--" in item.case.name}
    read = checked_rules()
    assert sorted(read - shown) == [], "no case shows these rules"
    assert sorted(read - near) == [], "no case is named RULE--NEAR-MISS for these rules"
    assert sorted(near - set(all_task_rules())) == [], "near-misses of rules that do not exist"
    assert len(judged) >= 40


def test_near_misses_do_not_fire(judged: list[Judged]) -> None:
    for item in judged:
        rule, near, _ = item.case.name.partition("--")
        assert not near or rule not in item.found(), item.case.name


def test_every_rule_is_documented() -> None:
    for rule in all_task_rules().values():
        assert rule.summary.endswith("."), rule.id
        assert rule.why, rule.id
        assert rule.bad, rule.id
        assert rule.good, rule.id
