"""From a citation to the part of an attempt that it points to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from assay.evidence.grammar import Citation
from assay.evidence.quotes import BORDER, agreement, in_order, normalise
from assay.model.trajectory import Step, ToolCall, plain
from assay.patches import FileDiff, parse_patch
from assay.workspace import Attempt

_LISTED = 6


@dataclass(frozen=True)
class Evidence:
    """What a citation resolves to."""

    text: str
    """For people to read."""
    parts: tuple[str, ...]
    """The texts in which a quote may stand."""

    @cached_property
    def searchable(self) -> str:
        """All parts, normalised once for any number of quotes."""
        return BORDER.join(map(normalise, self.parts))

    def contains(self, quote: str) -> bool:
        """Whether the quote is found here."""
        return in_order(quote, self.searchable)

    def has_line(self, quote: str) -> bool:
        """Whether the quote is a whole line here: there is no more of it to quote."""
        wanted = normalise(quote)
        return any(normalise(line) == wanted for part in self.parts for line in part.splitlines())

    def agreement(self, quote: str) -> tuple[str, str]:
        """The longest beginning of the quote that is found here, in whole words, and what follows it here."""
        return agreement(quote, self.searchable)


@dataclass(frozen=True)
class Unresolved:
    """A citation that points at nothing; the message says what there is instead."""

    message: str


def resolve(citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    """What the citation points to in `attempt`; its alias is not looked at."""
    match citation.kind:
        case "step":
            return _step(citation, attempt)
        case "diff":
            return _diff(citation, attempt)
        case "file":
            return _file(citation, attempt)
        case "test":
            return _test(citation, attempt)
        case "run":
            return Unresolved(f"no recorded verification run {citation.target}")  # whose it is, `runs.resolve_by` knows


def final_patch(attempt: Attempt) -> tuple[str, str] | None:
    """Milestone and text of the patch that holds the result: the last one in the order of milestones.

    None when there is none, when the last one that the session lists is gone, and when there are several but no
    session that tells their order.
    """
    recorded = attempt.session.record if attempt.session else None
    if recorded is None and len(attempt.patches) > 1:
        return None
    order = [item.milestone for item in recorded.predicate.milestones] if recorded else list(attempt.patches)
    listed = {subject.name for subject in recorded.subject} if recorded else set()
    names = [name for name in order if name in attempt.patches or f"patches/{name}.patch" in listed]
    return (names[-1], attempt.patches[names[-1]]) if names and names[-1] in attempt.patches else None


def _step(citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    if attempt.trajectory is None:
        return Unresolved(f"the trajectory of `{attempt.alias}` cannot be read")
    steps = attempt.trajectory.record.steps
    number = citation.step or 0
    if number > len(steps):
        return Unresolved(f"there is no step {number}; `{attempt.alias}` has {_count(len(steps), 'step')}")
    step = steps[number - 1]
    calls = step.tool_calls or []
    if citation.call is None:
        if citation.first is not None:
            hint = f"; write `step:{number}.c1` for lines of a call's output" if calls else ""
            return lines_of(citation, step.text, f"the message of step {number}", hint)
        return _evidence(step_parts(step))
    if citation.call > len(calls):
        return Unresolved(f"step {number} of `{attempt.alias}` has {_count(len(calls), 'call')}, not {citation.call}")
    call = calls[citation.call - 1]
    if citation.first is not None:
        return lines_of(citation, output_of(step, call), f"the output of {citation.place.partition('#')[0]}")
    return _evidence((*call_parts(call), output_of(step, call)))


def step_parts(step: Step) -> Iterator[str]:
    """All texts of a step: message, reasoning, then each call with what it returned, then other observations."""
    yield step.text
    yield step.reasoning_content or ""
    calls = step.tool_calls or []
    for call in calls:
        yield from call_parts(call)
    for result in step.observation.results if step.observation else ():
        yield plain(result.content)


def call_parts(call: ToolCall) -> Iterator[str]:
    """The name of the tool, then each argument: text as it is, other values as JSON."""
    yield call.function_name
    for value in call.arguments.values():
        yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def output_of(step: Step, call: ToolCall) -> str:
    """What `call` returned. Results that name no call belong to the calls in order, when there is one for each."""
    result = step.result_of(call)
    if result is None and step.observation and step.tool_calls:
        results = step.observation.results
        if len(results) == len(step.tool_calls) and all(item.source_call_id is None for item in results):
            result = results[step.tool_calls.index(call)]
    return plain(result.content) if result else ""


def _evidence(parts: Iterable[str]) -> Evidence:
    kept = tuple(part for part in parts if part)
    return Evidence("\n".join(kept), kept)


def lines_of(citation: Citation, text: str, where: str, hint: str = "") -> Evidence | Unresolved:
    """The lines of `text` that the citation names, all when it names none; `where` says whose they are."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    first, last = citation.first or 1, citation.last or len(lines)
    if last > len(lines):
        return Unresolved(f"there is no line {last}; {where} has {_count(len(lines), 'line')}{hint}")
    chosen = "\n".join(lines[first - 1 : last])
    return Evidence(chosen, (chosen,))


def _diff_of(citation: Citation, attempt: Attempt) -> FileDiff | Unresolved:
    patch = final_patch(attempt)
    if patch is None:
        return Unresolved(f"`{attempt.alias}` has no patch")
    files = parse_patch(patch[1])
    named = [file for file in files if file.path == citation.target]
    named += [file for file in files if file.old_path == citation.target]
    if named:
        return named[0]
    changed = _listing([file.path for file in files])
    return Unresolved(f"the patch of `{attempt.alias}` does not change `{citation.target}`; it changes {changed}")


def _diff(citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    file = _diff_of(citation, attempt)
    if isinstance(file, Unresolved):
        return file
    notes = "\n".join((*file.notes, *(["binary file"] if file.binary else [])))
    # a quote may show the lines with their markers, or either side without
    sides = (part for hunk in file.hunks for part in (hunk.text, hunk.side("+"), hunk.side("-")))
    text = "\n".join(hunk.text for hunk in file.hunks) or notes
    return Evidence(text, tuple(part for part in (notes, *sides) if part))


def _file(citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    file = _diff_of(citation, attempt)
    if isinstance(file, Unresolved):
        return Unresolved(f"{file.message}; for other files cite a step that prints them")
    path = citation.target
    if file.deleted or file.path != path:
        return Unresolved(f"`{path}` is gone after the patch of `{attempt.alias}`; cite `diff:{path}`")
    shown = file.new_lines()
    first = citation.first or min(shown, default=0)
    last = citation.last or max(shown, default=0)
    numbers = range(first, last + 1) if citation.first else sorted(shown)
    missing = next((number for number in numbers if number not in shown), None)
    if missing is not None and file.new:
        return Unresolved(f"there is no line {missing}; `{path}` has {_count(len(shown), 'line')}")
    if missing is not None:
        return Unresolved(f"the patch does not show line {missing} of `{path}`; cite diff: or a step that prints it")
    if citation.first:
        text = "\n".join(shown[number] for number in numbers)
        return Evidence(text, (text,))
    parts = tuple("\n".join(text for _, text in hunk.new_lines()) for hunk in file.hunks)
    return _evidence(parts)


def _test(citation: Citation, attempt: Attempt) -> Evidence | Unresolved:
    milestone, _, name = citation.target.partition("/")
    entry = attempt.reports.get(milestone)
    if entry is None:
        found = _listing(list(attempt.reports))
        return Unresolved(f"`{attempt.alias}` has no test report for `{milestone}`; it has {found}")
    report, log = entry.record, attempt.logs.get(milestone, "")
    results = report.matching(name) if name else report.tests
    if name and not results:
        found = _listing([test.name for test in report.tests])
        return Unresolved(f"the tests of `{milestone}` have no `{name}`; they are {found}")
    verdict = f"{milestone}: {report.outcome}" + (f": {report.reason}" if report.reason else "")
    lines = [] if name else [verdict]
    lines += [f"{test.name}: {test.status}" + (f"\n{test.message}" if test.message else "") for test in results]
    return Evidence("\n".join(lines), (*lines, log) if log else tuple(lines))


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _listing(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names[:_LISTED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "") if names else "none"
