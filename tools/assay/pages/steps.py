"""Facts about single steps of a log, in words."""

from __future__ import annotations

import json
import re

from assay.model.trajectory import Step, ToolCall
from assay.pages.inert import first_line, raw, visible

SHELL = ("command", "cmd", "script")
"""Arguments that are shown as a command line rather than as data."""
LOUD = ("user", "system")
DOT = " \u00b7 "
_TESTS = re.compile(
    r"\b(?:pytest|unittest|tox|nox|jest|vitest|mocha|ctest|phpunit|rspec)\b|\b(?:make|npm|yarn|pnpm|cargo|go|mvn|gradle|dotnet|mix)"
    r"(?: run)? (?:test|check)\b|\btests?\.sh\b"
)


def milestone_of(step: Step) -> str:
    """The milestone that was being worked on, when the recorder said so."""
    value = (step.extra or {}).get("assay")
    name = value.get("milestone") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def kind_of(step: Step) -> str:
    """`user`, `system`, `run` (it calls something) or `say`."""
    if step.source in LOUD:
        return step.source
    return "run" if step.tool_calls else "say"


def failed(step: Step) -> bool:
    """Whether some command of the step is known to have failed."""
    return any(result.exit_code for result in (step.observation.results if step.observation else ()))


def duration(step: Step) -> float | None:
    """Seconds of all calls; None when nothing was measured."""
    known = [result.seconds for result in (step.observation.results if step.observation else ())]
    measured = [value for value in known if value is not None]
    return sum(measured) if measured else None


def tokens(step: Step) -> tuple[int, int] | None:
    """What the model was given and what it gave; None when the log has neither."""
    found = step.metrics
    if found is None or not (found.prompt_tokens or found.completion_tokens):
        return None
    return max(0, found.prompt_tokens or 0), max(0, found.completion_tokens or 0)


def command(call: ToolCall) -> str:
    """What the call runs, as text; not escaped."""
    if len(call.arguments) == 1:
        ((name, value),) = call.arguments.items()
        if name in SHELL and isinstance(value, str):
            return value
    return json.dumps(call.arguments, ensure_ascii=False, indent=1)


def title_of(step: Step) -> str:
    """One line that says what the step does; not escaped."""
    calls = step.tool_calls or []
    return first_line(step.text) or (first_line(command(calls[0])) if calls else "") or "(empty)"


def runs_tests(step: Step) -> bool:
    """Whether a call looks as if it ran tests."""
    return any(call.function_name == "shell" and _TESTS.search(command(call)) for call in step.tool_calls or ())


def told(step: Step) -> str:
    """What the simulated user did in this step and what set it off; raw HTML, empty for everybody else."""
    value = (step.extra or {}).get("assay")
    if step.source != "user" or not isinstance(value, dict) or "rule" not in value:
        return ""
    turn, rule = raw(str(value.get("turn", "?"))), raw(str(value["rule"]))
    what = f"reveals <code>{raw(str(value['intent_id']))}</code>" if value.get("intent_id") else "reveals nothing"
    return f"simulated user, turn {turn}: {what}; rule <code>{rule}</code>"


def is_long(step: Step) -> bool:
    """Whether the message does not fit into the row itself."""
    return visible(step.text).strip() != first_line(step.text)


def exit_words(code: int) -> str:
    """How a command ended; markup."""
    return f'<b class="as-fail">exit {code}</b>' if code else "exit 0"
