"""Tables that hold the records themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from assay.export.messages import messages, tools
from assay.export.selection import Chosen, license_of, trajectory_of
from assay.export.table import ATTEMPT, GRADED, PLACE, TURNS, Row, Table, graded_by, verdicts


def _tasks(chosen: Chosen) -> Iterator[Row]:
    task = chosen.task
    assert task.file is not None
    about = task.file.record.metadata
    steps = [
        {"name": name, "instruction": task.text(f"steps/{name}/instruction.md"), "tests": _tests_of(chosen, name)}
        for name in task.milestones
    ]
    yield {
        "task": task.id,
        "instruction": task.text("instruction.md"),
        "milestones": steps,
        "category": about.category,
        "difficulty": about.difficulty,
        "tags": about.tags,
        "crux": about.crux,
        "origin": about.origin,
        "license": license_of(task),
        "minutes_of_an_expert": about.expert_time_estimate_min,
        "rubric": chosen.rubric.model_dump_json(),
    }


def _tests_of(chosen: Chosen, milestone: str) -> list[str]:
    reports = [attempt.reports[milestone] for attempt in chosen.attempts.values() if milestone in attempt.reports]
    return sorted({test.name for entry in reports for test in entry.record.tests})


def _trajectories(chosen: Chosen) -> Iterator[Row]:
    for alias, attempt in chosen.attempts.items():
        record = trajectory_of(attempt)
        session = attempt.session.record.predicate if attempt.session else None
        yield {
            "task": chosen.task.id,
            "alias": alias,
            "kind": session.kind if session else "imported",
            "outcome": attempt.outcome,
            "messages": messages(record),
            "tools": tools(record),
            "milestones": [
                {"name": name, "passed": attempt.reports[name].record.passed}
                for name in chosen.task.milestones
                if name in attempt.reports
            ],
            "patches": [{"name": name, "diff": text} for name, text in attempt.patches.items()],
            "atif": record.model_dump_json(exclude_none=True),
        }


def _tests(chosen: Chosen) -> Iterator[Row]:
    for alias, attempt in chosen.attempts.items():
        for milestone, entry in attempt.reports.items():
            for test in entry.record.tests:
                place = {"task": chosen.task.id, "alias": alias, "milestone": milestone}
                yield {**place, "test": test.name, "status": test.status, "seconds": test.seconds}


def _grades(chosen: Chosen) -> Iterator[Row]:
    for place, criterion, graded, applies, passed in verdicts(chosen):
        grade = graded.criteria[criterion.id]
        yield {
            **place,
            "criterion": criterion.id,
            "statement": criterion.statement,
            "axis": criterion.axis,
            "points": criterion.weight if criterion.good else -criterion.weight,
            "must_pass": criterion.must_pass,
            "holds": str(grade.holds).lower(),
            "applies": applies,
            "passed": passed,
            "cites": grade.cites,
            "note": grade.note,
        }


def _rationales(chosen: Chosen) -> Iterator[Row]:
    for place, graded in graded_by(chosen):
        guess = graded.identity_guess
        guessed = guess.model_dump_json() if guess else None
        yield {**place, "rationale": graded.rationale, "identity_guess": guessed}


def _rankings(chosen: Chosen) -> Iterator[Row]:
    for record in chosen.annotations:
        yield {
            "task": chosen.task.id,
            "annotator": record.annotator,
            "guidelines": record.guidelines,
            "rubric_blob": record.rubric,
            "order": record.order,
            "tiers": record.ranking,
            "comparison": record.comparison,
            "minutes": record.minutes,
            "revisions": json.dumps([item.model_dump() for item in record.revisions], ensure_ascii=False),
        }


def _runs(chosen: Chosen) -> Iterator[Row]:
    for ran in chosen.runs:
        record = ran.record
        yield {
            "task": chosen.task.id,
            "alias": record.alias,
            "annotator": record.annotator,
            "citation": f"run:{ran.name}",
            "kind": record.kind,
            "command": record.command,
            "state": record.state.kind,
            "milestone": record.state.milestone,
            "step": record.state.step,
            "exit_code": record.exit_code,
            "seconds": record.seconds,
            "stdout": ran.out,
            "stderr": ran.err,
            "hidden_bytes": record.stdout.hidden + record.stderr.hidden,
            "tests": [
                {"milestone": milestone, "test": test, "status": status}
                for milestone, said in record.tests.items()
                for test, status in said.items()
            ],
            "record": record.model_dump_json(),
        }


RECORDS = (
    Table(
        "tasks",
        "The jobs: what was asked, milestone by milestone, and the rubric (as JSON).",
        {
            **PLACE,
            "instruction": "string",
            "milestones": [{"name": "string", "instruction": "string", "tests": ["string"]}],
            "category": "string",
            "difficulty": "string",
            "tags": ["string"],
            "crux": "string",
            "origin": "string",
            "license": "string",
            "minutes_of_an_expert": "float",
            "rubric": "string",
        },
        _tasks,
    ),
    Table(
        "trajectories",
        "One row for each attempt: the conversation in the wire form of OpenAI's chat API, the patch after each "
        "milestone, and the whole log as ATIF 1.8 (a JSON string).",
        {
            **ATTEMPT,
            "kind": "string",
            "outcome": "string",
            "messages": TURNS,
            "tools": "string",
            "milestones": [{"name": "string", "passed": "bool"}],
            "patches": [{"name": "string", "diff": "string"}],
            "atif": "string",
        },
        _trajectories,
    ),
    Table(
        "tests",
        "What each test said of the state after its milestone.",
        {**ATTEMPT, "milestone": "string", "test": "string", "status": "string", "seconds": "float"},
        _tests,
    ),
    Table(
        "rubric_grades",
        "One row for each annotator, attempt and criterion. `holds` is what was seen; `passed` is whether that is "
        "good, null where it could not be told or a prerequisite failed; the sign of `points` is the polarity.",
        {
            **GRADED,
            "criterion": "string",
            "statement": "string",
            "axis": "string",
            "points": "int",
            "must_pass": "bool",
            "holds": "string",
            "applies": "bool",
            "passed": "bool",
            "cites": ["string"],
            "note": "string",
        },
        _grades,
    ),
    Table(
        "rationales",
        "Why, for each annotator and attempt, with citations in brackets.",
        {**GRADED, "rationale": "string", "identity_guess": "string"},
        _rationales,
    ),
    Table(
        "rankings",
        "One row for each annotator and task: tiers, best first, and why each beats the next.",
        {
            **PLACE,
            "annotator": "string",
            "guidelines": "int",
            "rubric_blob": "string",
            "order": ["string"],
            "tiers": [["string"]],
            "comparison": "string",
            "minutes": "float",
            "revisions": "string",
        },
        _rankings,
    ),
    Table(
        "verification_runs",
        "What annotators ran themselves on a state of an attempt, in a fresh container without network: one row for "
        "each run that `run:NN` in their words cites, with what it printed and the whole record (a JSON string).",
        {
            **ATTEMPT,
            "annotator": "string",
            "citation": "string",
            "kind": "string",
            "command": ["string"],
            "state": "string",
            "milestone": "string",
            "step": "int",
            "exit_code": "int",
            "seconds": "float",
            "stdout": "string",
            "stderr": "string",
            "hidden_bytes": "int",
            "tests": [{"milestone": "string", "test": "string", "status": "string"}],
            "record": "string",
        },
        _runs,
    ),
)
