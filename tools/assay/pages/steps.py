"""The log of a trajectory as static rows: one `<details>` for each step, with an id that citations link to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from assay.evidence import output_of
from assay.model.trajectory import Step, ToolCall, plain
from assay.pages import links, markup
from assay.pages.citing import Mention
from assay.pages.inert import first_line, raw, visible
from assay.workspace import Attempt

SHELL = ("command", "cmd", "script")
"""Arguments that are shown as a command line rather than as data."""
OPEN_LINES = 14
"""Messages up to this length are shown without a click."""
LOUD = ("user", "system")
SHOWN_CALLS = 3
"""Calls of one step that its row names before it is opened."""
DOT = " \u00b7 "


def rows(attempt: Attempt, mentions: Mapping[str, Sequence[Mention]], task_page: str) -> str:
    """All rows as one raw HTML block; a heading stands where a milestone begins."""
    steps = attempt.trajectory.record.steps if attempt.trajectory else []
    pieces, current = [], ""
    last = len(steps)
    for step in steps:
        milestone = milestone_of(step)
        if milestone and milestone != current:
            current = milestone
            pieces.append(_milestone(attempt, milestone))
        cited = mentions.get(links.step_anchor(step.step_id), ())
        pieces.append(_row(step, cited, task_page, final=step.step_id == last))
    return f'<div class="as-steps" id="as-steps">{"".join(pieces)}</div>\n'


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


def command(call: ToolCall) -> str:
    """What the call runs, as text; not escaped."""
    for name in SHELL:
        value = call.arguments.get(name)
        if isinstance(value, str) and len(call.arguments) == 1:
            return value
    return json.dumps(call.arguments, ensure_ascii=False, indent=1)


def title(step: Step) -> str:
    """One line that says what the step does; not escaped."""
    calls = step.tool_calls or []
    return first_line(step.text) or (first_line(command(calls[0])) if calls else "") or "(empty)"


def _milestone(attempt: Attempt, name: str) -> str:
    report = attempt.reports.get(name)
    passed = report.record.passed if report else None
    words = {True: "passes in the final state", False: "fails in the final state", None: "no verdict"}[passed]
    result = markup.verdict(passed, words)
    return f'<h3 class="as-milestone" id="{links.milestone_anchor(name)}">{raw(name)} {result}</h3>'


def _row(step: Step, cited: Sequence[Mention], task_page: str, *, final: bool) -> str:
    kind = kind_of(step)
    flags = [name for name, on in (("failed", failed(step)), ("cited", bool(cited))) if on]
    short = visible(step.text).count("\n") < OPEN_LINES
    opened = " open" if (kind != "run" and short) or (final and kind == "say") else ""
    body = "".join(_body(step, cited, task_page))
    flags += [name for name, on in (("long", _long(step)), ("flat", not body)) if on]
    names = " ".join((f"as-step as-step-{kind}", *(f"as-is-{flag}" for flag in flags)))
    inner = f'{_summary(step, kind, cited)}<div class="as-body">{body}</div>' if body else _summary(step, kind, cited)
    return f'<details class="{names}" id="{links.step_anchor(step.step_id)}"{opened}>{inner}</details>'


def _long(step: Step) -> bool:
    """Whether the message does not fit into the row itself."""
    return visible(step.text).strip() != first_line(step.text)


def _summary(step: Step, kind: str, cited: Sequence[Mention]) -> str:
    calls = step.tool_calls or []
    lines = f'<span class="as-line">{raw(first_line(step.text))}</span>' if step.text.strip() else ""
    lines += "".join(f'<code class="as-cmd">{raw(first_line(command(call)))}</code>' for call in calls[:SHOWN_CALLS])
    more = len(calls) - SHOWN_CALLS
    lines += f"and {markup.count(more, 'more call')}" if more > 0 else ""
    badges = [f'<span class="as-cited">cited \u00d7{len(cited)}</span>'] if cited else []
    badges += [*_exits(step), *_spent(step), *_size(step)]
    return (
        f'<summary><span class="as-n">{step.step_id}</span><span class="as-kind">{kind}</span>'
        f'<span class="as-title">{lines or "(empty)"}</span><span class="as-meta">{DOT.join(badges)}</span></summary>'
    )


def _exits(step: Step) -> Iterator[str]:
    for result in (step.observation.results if step.observation else [])[:SHOWN_CALLS]:
        if result.exit_code is not None:
            yield _exit(result.exit_code)


def _exit(code: int) -> str:
    return f'<b class="as-fail">exit {code}</b>' if code else "exit 0"


def _spent(step: Step) -> Iterator[str]:
    spent = duration(step)
    if spent is not None:
        yield markup.seconds(spent)


def _size(step: Step) -> Iterator[str]:
    """How much a closed row hides."""
    texts = [step.text, *(plain(result.content) for result in (step.observation.results if step.observation else ()))]
    texts += [command(call) for call in step.tool_calls or ()]
    characters = sum(map(len, texts))
    hidden = sum(text.count("\n") + 1 for text in texts if text) - 1
    if hidden > 0:
        yield markup.count(hidden, "line")
    if characters > 200 or hidden > 0:
        yield f"{characters:,} characters"


def _body(step: Step, cited: Sequence[Mention], task_page: str) -> Iterator[str]:
    if cited:
        yield cited_by(cited, task_page)
    if step.reasoning_content:
        inner = f'<div class="as-say">{raw(step.reasoning_content)}</div>'
        yield markup.disclosure("reasoning", inner)
    if _long(step):
        yield f'<div class="as-say">{raw(step.text)}</div>'
    calls = step.tool_calls or []
    for number, call in enumerate(calls, 1):
        yield _call(step, call, number)
    if step.observation and not calls:
        for result in step.observation.results:
            yield _output(plain(result.content), f"output of step {step.step_id}")
    for result in step.observation.results if step.observation else ():
        for child in result.subagent_trajectory_ref or ():
            yield f'<p class="as-quiet">delegated: {raw(child.trajectory_id or child.trajectory_path or "?")}</p>'


def _call(step: Step, call: ToolCall, number: int) -> str:
    result = step.result_of(call)
    several = len(step.tool_calls or ()) > 1
    status = DOT + _exit(result.exit_code) if several and result is not None and result.exit_code is not None else ""
    place = links.step_anchor(step.step_id, number)
    name = f'<a class="as-callhead" href="#{place}">{raw(call.function_name)}{status}</a>'
    text = markup.code(raw(command(call)), f"call {number} of step {step.step_id}")
    returned = _output(output_of(step, call), f"output of call {number} of step {step.step_id}")
    return f'<div class="as-call" id="{place}">{name}{text}{returned}</div>'


def _output(text: str, label: str) -> str:
    """Output with numbered lines, the numbers that citations use."""
    if not text:
        return '<p class="as-quiet">no output</p>'
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    numbers = "\n".join(map(str, range(1, len(lines) + 1)))
    shown = markup.code(raw("\n".join(lines)), label)
    return f'<div class="as-out"><pre class="as-gutter" aria-hidden="true">{numbers}</pre>{shown}</div>'


def cited_by(cited: Sequence[Mention], task_page: str) -> str:
    """Who cites this place, with links back; raw HTML."""
    items = []
    for mention in cited:
        verdict = f" {markup.verdict(mention.passed)}" if mention.criterion else ""
        where = f"{task_page}#{links.sheet_anchor(mention.annotator)}"
        words = f"{raw(mention.annotator)}: {raw(mention.criterion or mention.part)}"
        items.append(f'<a href="{where}">{words}</a>{verdict}')
    return f'<p class="as-citedby">cited by {", ".join(items)}</p>'
