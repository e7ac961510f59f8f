"""What a step shows when its row is opened: reasoning, message, and each call with what came back; raw HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from assay.evidence import output_of
from assay.model.trajectory import Step, ToolCall, plain
from assay.pages import links, markup, terminal
from assay.pages.citing import Mention
from assay.pages.inert import raw
from assay.pages.steps import DOT, command, exit_words, is_long, told

_MOST = 4_000_000
"""Pairs of lines above which a change is shown as all of the old and all of the new."""
_MARKS = {"del": "-", "add": "+", "ctx": " "}


Places = Mapping[tuple[int, int], Sequence[tuple[str, str]]]
"""By step and call the files that it changes: path, and the anchor of the file after it."""


def body(step: Step, cited: Sequence[Mention], task_page: str, files: Places | None = None) -> str:
    """All of it; empty when the row says everything."""
    return "".join(_parts(step, cited, task_page, files or {}))


def _parts(step: Step, cited: Sequence[Mention], task_page: str, files: Places) -> Iterator[str]:
    if cited:
        yield cited_by(cited, task_page)
    if step.reasoning_content:
        inner = f'<div class="as-say">{raw(step.reasoning_content)}</div>'
        yield markup.disclosure("reasoning", inner)
    if words := told(step):
        yield f'<p class="as-quiet">{words}</p>'
    if is_long(step):
        yield f'<div class="as-say">{raw(step.text)}</div>'
    calls = step.tool_calls or []
    for number, call in enumerate(calls, 1):
        yield _call(step, call, number, files.get((step.step_id, number), ()))
    if step.observation and not calls:
        for result in step.observation.results:
            yield _output(plain(result.content), f"output of step {step.step_id}")
    for result in step.observation.results if step.observation else ():
        for child in result.subagent_trajectory_ref or ():
            yield f'<p class="as-quiet">delegated: {raw(child.trajectory_id or child.trajectory_path or "?")}</p>'


def _call(step: Step, call: ToolCall, number: int, files: Sequence[tuple[str, str]]) -> str:
    result = step.result_of(call)
    several = len(step.tool_calls or ()) > 1
    code = result.exit_code if several and result is not None else None
    status = "" if code is None else DOT + exit_words(code)
    place = links.step_anchor(step.step_id, number)
    name = f'<a class="as-callhead" href="#{place}">{raw(call.function_name)}{status}</a>'
    text = _asked(call, f"call {number} of step {step.step_id}")
    returned = _output(output_of(step, call), f"output of call {number} of step {step.step_id}")
    after = ", ".join(f'<a href="#{anchor}">{raw(path.rpartition("/")[2] or path)}</a>' for path, anchor in files)
    told = f'<p class="as-quiet">after it: {after}</p>' if files else ""
    return f'<div class="as-call" id="{place}">{name}{text}{told}{returned}</div>'


def _asked(call: ToolCall, label: str) -> str:
    """What a call asks for, as people write it: a command, a change as a difference, a new file, else its data."""
    given = {name: value for name, value in call.arguments.items() if isinstance(value, str)}
    if call.function_name == "edit" and {"old", "new"} <= given.keys():
        return _file(given.get("path", "")) + _lines(changed_lines(given["old"], given["new"]), label)
    if call.function_name == "write" and "content" in given:
        return _file(given.get("path", "")) + _lines((("add", line) for line in given["content"].split("\n")), label)
    if call.function_name == "read" and "path" in given and len(call.arguments) == 1:
        return _file(given["path"])
    return markup.code(raw(command(call)), label)


def _file(path: str) -> str:
    return f'<p class="as-path"><code>{raw(path)}</code></p>' if path else ""


def changed_lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    """`del`, `add` or `ctx` and a line; a text of which nothing stays is all of the old and all of the new."""
    before, after = ("" if text == "" else text.split("\n") for text in (old, new))
    if len(before) * len(after) > _MOST:
        yield from (("del", line) for line in before)
        yield from (("add", line) for line in after)
        return
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from (("ctx", line) for line in before[i:j])
        else:
            yield from (("del", line) for line in before[i:j])
            yield from (("add", line) for line in after[k:m])


def _lines(lines: Iterator[tuple[str, str]], label: str) -> str:
    shown = "".join(f'<span class="as-{kind}">{raw(_MARKS[kind] + line)}</span>' for kind, line in lines)
    return f'<div class="as-hunk">{markup.code(shown, label)}</div>'


def _output(text: str, label: str) -> str:
    """Output with numbered lines, the numbers that citations use."""
    if not text:
        return '<p class="as-quiet">no output</p>'
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return markup.numbered(terminal.html("\n".join(lines)), lines, label)


def cited_by(cited: Sequence[Mention], task_page: str) -> str:
    """Who cites this place, with links back; raw HTML."""
    items = []
    for mention in cited:
        verdict = f" {markup.verdict(mention.passed)}" if mention.criterion else ""
        where = f"{task_page}#{links.sheet_anchor(mention.annotator)}"
        words = f"{raw(mention.annotator)}: {raw(mention.criterion or mention.part)}"
        items.append(f'<a href="{where}">{words}</a>{verdict}')
    return f'<p class="as-citedby">cited by {", ".join(items)}</p>'
