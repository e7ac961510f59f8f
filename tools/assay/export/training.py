"""Tables for training, with the columns that TRL's trainers ask for."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from assay.evidence import Citation, parse_citation
from assay.export.messages import divided, messages, tools
from assay.export.pairs import goes_out, label, pairs
from assay.export.selection import Chosen, LeftOut, trajectory_of
from assay.export.table import ATTEMPT, GRADED, PLACE, TURNS, Row, Table, graded_by, verdicts
from assay.model.trajectory import ToolCall
from assay.results.scores import applicable


def _preferences(chosen: Chosen) -> Iterator[Row]:
    for pair in pairs(chosen):
        better, worse = (trajectory_of(chosen.attempts[alias]) for alias in (pair.chosen, pair.rejected))
        asked, good = divided(messages(better))
        asked_too, bad = divided(messages(worse))
        if goes_out(chosen, pair.why_not) and asked == asked_too:
            yield {
                "task": chosen.task.id,
                "prompt": asked,
                "chosen": good,
                "rejected": bad,
                "tools": _union(tools(better), tools(worse)),
                "chosen_alias": pair.chosen,
                "rejected_alias": pair.rejected,
                "margin": pair.tiers,
                "annotators": pair.annotators,
                "agreement": pair.agreement,
                "provenance": pair.provenance,
            }


def unused(chosen: Chosen) -> Iterator[LeftOut]:
    """How many pairs and attempts are in no table of preferences or labels, and why."""
    reasons = Counter(_reasons(chosen))
    for (noun, reason), number in sorted(reasons.items()):
        yield LeftOut(f"{chosen.task.id}: {number} {noun}{'s' * (number > 1)}", reason)


def _reasons(chosen: Chosen) -> Iterator[tuple[str, str]]:
    asked = {alias: divided(messages(trajectory_of(attempt)))[0] for alias, attempt in chosen.attempts.items()}
    for pair in pairs(chosen):
        if not goes_out(chosen, pair.why_not):
            yield "pair", pair.why_not
        elif asked[pair.chosen] != asked[pair.rejected]:
            yield "pair", "the two were asked in different words"
    for alias in chosen.attempts:
        verdict = label(chosen, alias)
        if not goes_out(chosen, verdict.why_not):
            yield "attempt", f"no label: {verdict.why_not}"


def _union(*known: str) -> str:
    found = {json.dumps(tool, sort_keys=True): tool for text in known for tool in json.loads(text)}
    return json.dumps([found[key] for key in sorted(found)], ensure_ascii=False, sort_keys=True)


def _unpaired(chosen: Chosen) -> Iterator[Row]:
    for alias, attempt in chosen.attempts.items():
        verdict = label(chosen, alias)
        if goes_out(chosen, verdict.why_not):
            prompt, completion = divided(messages(trajectory_of(attempt)))
            yield {
                "task": chosen.task.id,
                "alias": alias,
                "prompt": prompt,
                "completion": completion,
                "label": verdict.value,
                "tools": tools(trajectory_of(attempt)),
                "annotators": verdict.yes + verdict.no,
                "agreement": verdict.agreement,
                "provenance": verdict.provenance,
            }


def _evidence(chosen: Chosen) -> Iterator[Row]:
    for place, criterion, graded, applies, passed in verdicts(chosen):
        for text in graded.criteria[criterion.id].cites if applies else ():
            found = parse_citation(text)
            if isinstance(found, Citation):
                yield {
                    **place,
                    "criterion": criterion.id,
                    "axis": criterion.axis,
                    "passed": passed,
                    "citation": found.place,
                    "kind": found.kind,
                    "step": found.step,
                    "call": found.call,
                    "first_line": found.first,
                    "last_line": found.last,
                    "quote": found.quote,
                }


def _stepwise(chosen: Chosen) -> Iterator[Row]:
    blamed = defaultdict[str, set[int]](set)
    for row in _evidence(chosen):
        if row["passed"] is False and row["step"] is not None:
            blamed[row["alias"]].add(row["step"])
    graded = {alias for record in chosen.annotations for alias in record.grades}
    for alias in (alias for alias in chosen.attempts if alias in graded):
        steps = trajectory_of(chosen.attempts[alias]).steps
        first = next((at for at, step in enumerate(steps) if step.source == "agent"), len(steps))
        acts = [step for step in steps[first:] if step.source == "agent"]
        yield {
            "task": chosen.task.id,
            "alias": alias,
            "prompt": "\n\n".join(step.text for step in steps[:first]),
            "completions": [_act(step.text, step.tool_calls or ()) for step in acts],
            "labels": [step.step_id not in blamed[alias] for step in acts],
            "steps": [step.step_id for step in acts],
        }


def _act(text: str, calls: Sequence[ToolCall]) -> str:
    called = [
        f"{call.function_name} {json.dumps(call.arguments, ensure_ascii=False, sort_keys=True)}" for call in calls
    ]
    return "\n".join(part for part in (text, *called) if part)


def _rubric_rewards(chosen: Chosen) -> Iterator[Row]:
    for place, graded in graded_by(chosen):
        prompt, completion = divided(messages(trajectory_of(chosen.attempts[place["alias"]])))
        said = {criterion.id: verdict for criterion, verdict in applicable(chosen.rubric, graded.criteria)}
        yield {
            **place,
            "prompt_id": chosen.task.id,
            "prompt": prompt,
            "completion": completion,
            "rubrics": [
                {
                    "criterion": item.statement,
                    "points": item.weight if item.good else -item.weight,
                    "tags": [f"axis:{item.axis}", *["must-pass"] * item.must_pass],
                }
                for item in chosen.rubric.criteria
            ],
            "grades": [
                {
                    "criterion_id": name,
                    "observed": str(grade.holds).lower(),
                    "passed": said.get(name),
                    "explanation": grade.note,
                }
                for name, grade in graded.criteria.items()
            ],
        }


TRAINING = (
    Table(
        "preferences",
        "Strict pairs only: more annotators rank `chosen` above `rejected` than below. Ready for DPO and for reward "
        "models.",
        {
            **PLACE,
            "prompt": TURNS,
            "chosen": TURNS,
            "rejected": TURNS,
            "tools": "string",
            "chosen_alias": "string",
            "rejected_alias": "string",
            "margin": "float",
            "annotators": "int",
            "agreement": "float",
            "provenance": "string",
        },
        _preferences,
    ),
    Table(
        "unpaired",
        "One attempt and whether most annotators found every must-pass criterion met. Ready for KTO.",
        {
            **ATTEMPT,
            "prompt": TURNS,
            "completion": TURNS,
            "label": "bool",
            "tools": "string",
            "annotators": "int",
            "agreement": "float",
            "provenance": "string",
        },
        _unpaired,
    ),
    Table(
        "evidence",
        "Where each verdict rests: one row for each citation of a criterion's grade, with step, call, lines and quote.",
        {
            **GRADED,
            "criterion": "string",
            "axis": "string",
            "passed": "bool",
            "citation": "string",
            "kind": "string",
            "step": "int",
            "call": "int",
            "first_line": "int",
            "last_line": "int",
            "quote": "string",
        },
        _evidence,
    ),
    Table(
        "stepwise",
        "The agent's steps as text, and for each whether no failed criterion cites it. Ready for stepwise reward "
        "models; a step that nobody blamed is not shown to be good.",
        {**ATTEMPT, "prompt": "string", "completions": ["string"], "labels": ["bool"], "steps": ["int"]},
        _stepwise,
    ),
    Table(
        "rubric_rewards",
        "Prompt, completion, criteria with points, and one annotator's grades: for rewards from rubrics.",
        {
            **GRADED,
            "prompt_id": "string",
            "prompt": TURNS,
            "completion": TURNS,
            "rubrics": [{"criterion": "string", "points": "int", "tags": ["string"]}],
            "grades": [{"criterion_id": "string", "observed": "string", "passed": "bool", "explanation": "string"}],
        },
        _rubric_rewards,
    ),
)
