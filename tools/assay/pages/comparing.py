"""What a comparison of attempts needs of each: its steps, and which steps of two attempts do the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from assay.model.trajectory import Step, ToolCall
from assay.pages.inert import first_line
from assay.pages.steps import command, duration, failed, kind_of, milestone_of
from assay.pages.writer import SCRIPT_MARK
from assay.workspace import Attempt

_FOLDER = re.compile(r"^\s*cd\s+[^\s;&|]+\s*&&\s*")
_SHOWN = re.compile(r"(?:\s*2>&1|\s*\|\s*(?:head|tail|cat)(?:\s+-\S+(?:\s+\d+)?)*)+\s*$")


def key(step: Step) -> str:
    """What a step does, with what does not change it taken out: two steps of one key do the same."""
    return "\n".join(map(_call, step.tool_calls)) if step.tool_calls else kind_of(step)


def _call(call: ToolCall) -> str:
    """The tool and the file, or the command without the folder it ran in and the cut of what it shows."""
    path = call.arguments.get("path")
    if isinstance(path, str):
        return f"{call.function_name} {path}"
    return f"{call.function_name} {' '.join(_SHOWN.sub('', _FOLDER.sub('', command(call))).split())}"


def payload(task: str, attempts: Mapping[str, Attempt]) -> str:
    """The script that hands all attempts at a task to the page: ASCII, the same bytes for the same attempts.

    A step is `[number, key, kind, said, run, failed, seconds]`; `segments` are the milestones in the order in which
    they were worked on, what came before the first under an empty name. Equal keys have equal numbers.
    """
    numbers: dict[str, int] = {}
    made = {alias: _segments(attempt, numbers) for alias, attempt in attempts.items() if attempt.trajectory}
    text = json.dumps({"task": task, "attempts": made}, ensure_ascii=True, separators=(",", ":"))
    return f"{SCRIPT_MARK}__assayCompare({text.replace('<', chr(92) + 'u003c')});\n"


def _segments(attempt: Attempt, numbers: dict[str, int]) -> list[dict[str, Any]]:
    segments: list[dict[str, Any]] = []
    for step in attempt.trajectory.record.steps if attempt.trajectory else ():
        milestone = milestone_of(step) or (segments[-1]["milestone"] if segments else "")
        if not segments or segments[-1]["milestone"] != milestone:
            report = attempt.reports.get(milestone)
            segments.append({"milestone": milestone, "passed": report.record.passed if report else None, "steps": []})
        segments[-1]["steps"].append(_step(step, numbers))
    return segments


def _step(step: Step, numbers: dict[str, int]) -> list[Any]:
    calls = step.tool_calls or ()
    run = first_line(command(calls[0])) if calls else ""
    run += f" (and {len(calls) - 1} more)" if len(calls) > 1 else ""
    number = numbers.setdefault(key(step), len(numbers))
    seconds = duration(step)
    return [
        step.step_id,
        number,
        kind_of(step),
        first_line(step.text),
        run,
        int(failed(step)),
        None if seconds is None else round(seconds, 2),
    ]
