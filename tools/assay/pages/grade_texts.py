"""The texts that quotes are looked for in, as scripts that the page for grading loads when somebody quotes.

What the log's page shows is made harmless and cut to a terminal's last state; the rules look into the log as it is. So
that both say the same of a quote, the page for grading gets the log as it is, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assay.evidence.resolution import call_parts, final_patch, output_of
from assay.model.trajectory import Step, plain
from assay.pages import links
from assay.pages.writer import SCRIPT_MARK
from assay.patches import FileDiff, parse_patch
from assay.workspace import Attempt

LIMIT = 256 * 1024
"""Characters of a script with steps after which the next one begins."""


def starts(attempt: Attempt) -> list[int]:
    """The first step of each script with steps."""
    return [chunk[0].step_id for chunk in _packed(_steps(attempt))]


def files(attempt: Attempt) -> Mapping[str, str]:
    """Scripts by path: patch and tests in the first, steps in those after it. ASCII, the same for the same log."""
    made = {0: _rest(attempt)} | {
        number: [_texts(step) for step in chunk] for number, chunk in enumerate(_packed(_steps(attempt)), 1)
    }
    return {
        links.grade_texts(attempt.task, attempt.alias, number): _script(f"{attempt.alias}/{number}", data)
        for number, data in made.items()
    }


def _script(name: str, data: object) -> str:
    text = json.dumps([name, data], ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"{SCRIPT_MARK}__assayTexts(...{text});\n"


def _steps(attempt: Attempt) -> list[Step]:
    return attempt.trajectory.record.steps if attempt.trajectory else []


def _packed(steps: Iterable[Step]) -> Iterator[list[Step]]:
    chunk: list[Step] = []
    size = 0
    for step in steps:
        if size > LIMIT:
            yield chunk
            chunk, size = [], 0
        chunk.append(step)
        results = step.observation.results if step.observation else ()
        size += len(step.text) + sum(len(plain(result.content)) for result in results)
        size += sum(len(part) for call in step.tool_calls or () for part in call_parts(call))
    if chunk:
        yield chunk


def _texts(step: Step) -> dict[str, Any]:
    """As `evidence.resolution` takes a step apart: `calls` are parts and output of each, `returned` all results."""
    results = step.observation.results if step.observation else ()
    calls = [[[*call_parts(call)], output_of(step, call)] for call in step.tool_calls or ()]
    returned = [plain(result.content) for result in results]
    data = {"text": step.text, "thought": step.reasoning_content or "", "calls": calls}
    # mostly the results are the outputs in order: written once
    return data if returned == [output for _, output in calls] else {**data, "returned": returned}


def _rest(attempt: Attempt) -> dict[str, Any]:
    patch = final_patch(attempt)
    return {
        "files": [_file(file) for file in parse_patch(patch[1])] if patch else [],
        "tests": {name: _tests(attempt, name) for name in attempt.reports},
    }


def _file(file: FileDiff) -> dict[str, Any]:
    """A file of the patch: `hunks` are the number of the first new line, then the lines with their markers."""
    return {
        "notes": "\n".join((*file.notes, *(["binary file"] if file.binary else []))),
        "hunks": [[hunk.new_start, *map(str, hunk.lines)] for hunk in file.hunks],
    }


def _tests(attempt: Attempt, milestone: str) -> dict[str, Any]:
    report = attempt.reports[milestone].record
    return {
        "verdict": f"{milestone}: {report.outcome}" + (f": {report.reason}" if report.reason else ""),
        "tests": [
            [test.name, f"{test.name}: {test.status}" + (f"\n{test.message}" if test.message else "")]
            for test in report.tests
        ],
        "log": attempt.logs.get(milestone, ""),
    }
