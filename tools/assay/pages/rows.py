"""The log of a trajectory as static rows: one `<details>` for each step, with an id that citations link to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from assay.model.trajectory import Step, plain
from assay.pages import links, markup
from assay.pages.bodies import Places, body
from assay.pages.chunks import packed
from assay.pages.citing import Mention
from assay.pages.inert import first_line, raw, visible
from assay.pages.steps import (
    DOT,
    command,
    duration,
    exit_words,
    failed,
    is_long,
    kind_of,
    milestone_of,
    runs_tests,
    title_of,
    tokens,
    told,
)
from assay.workspace import Attempt

OPEN_LINES = 14
"""Messages up to this length are shown without a click."""
SHOWN_CALLS = 3
"""Calls of one step that its row names before it is opened."""
MOST = 400_000
"""Characters of bodies that a page holds itself."""
MOST_OF_MANY, MANY = 4_000, 200
"""The same in a site of more trajectories than that: what stands in a page costs time in every build."""
TOOLS = frozenset({"edit", "write", "read", "search"})
"""Words of the vocabulary that rows can be filtered by; everything that runs is `shell`."""


@dataclass(frozen=True)
class Log:
    """A whole log: its rows, and the bodies that are too much for the page, chunk by chunk."""

    rows: str
    chunks: Sequence[Sequence[tuple[int, str]]]


def log(
    attempt: Attempt,
    mentions: Mapping[str, Sequence[Mention]],
    task_page: str,
    most: int = MOST,
    files: Places | None = None,
) -> Log:
    """All rows as one raw HTML block; a heading stands where a milestone begins.

    Bodies of up to `most` characters together stand in the page, where they can be read without scripts, searched and
    printed. Those of a longer log are loaded when a row is opened; open rows and cited ones stay, so that every
    citation can be followed.
    """
    found = attempt.trajectory.record.steps if attempt.trajectory else []
    bodies = {step.step_id: body(step, _cited(mentions, step), task_page, files) for step in found}
    lazy = sum(map(len, bodies.values())) > most
    later = [(step, text) for step, text in bodies.items() if lazy and text]
    chunks = [*packed(later)]
    chunk_of = {step: number for number, chunk in enumerate(chunks) for step, _ in chunk}
    pieces, current = [], ""
    for step in found:
        milestone = milestone_of(step)
        if milestone and milestone != current:
            current = milestone
            pieces.append(_milestone(attempt, milestone))
        number = chunk_of.get(step.step_id)
        places = _places(mentions, step, lazy=number is not None)
        row = _Row(step, _cited(mentions, step), places, final=step.step_id == len(found))
        pieces.append(row.html(bodies[step.step_id]) if number is None else row.compact(number))
    return Log(f'<div class="as-steps" id="as-steps">{"".join(pieces)}</div>\n', chunks)


def _cited(mentions: Mapping[str, Sequence[Mention]], step: Step) -> Sequence[Mention]:
    return mentions.get(links.step_anchor(step.step_id), ())


def _places(mentions: Mapping[str, Sequence[Mention]], step: Step, *, lazy: bool) -> str:
    """Targets of citations that the page does not have otherwise: lines, and calls of a body that is not there yet."""
    start = f"{links.step_anchor(step.step_id)}."
    found = sorted(place for place in mentions if place.startswith(start) and (lazy or ".L" in place))
    return "".join(f'<span id="{place}"></span>' for place in found)


def _milestone(attempt: Attempt, name: str) -> str:
    report = attempt.reports.get(name)
    passed = report.record.passed if report else None
    words = {True: "passes in the final state", False: "fails in the final state", None: "no verdict"}[passed]
    result = markup.verdict(passed, words)
    return f'<h3 class="as-milestone" id="{links.milestone_anchor(name)}">{raw(name)} {result}</h3>'


@dataclass(frozen=True)
class _Row:
    """What a closed row says of its step."""

    step: Step
    cited: Sequence[Mention]
    places: str
    final: bool

    def html(self, body: str) -> str:
        """With its body; open when that is short and somebody speaks."""
        kind = kind_of(self.step)
        short = visible(self.step.text).count("\n") < OPEN_LINES
        opened = " open" if (kind != "run" and short) or (self.final and kind == "say") else ""
        flags = [name for name, on in (("long", is_long(self.step)), ("flat", not body)) if on]
        inner = _summary(self.step, kind, self.cited, self.places)
        inner += f'<div class="as-body">{body}</div>' if body else ""
        return f"<details {self._names(kind, flags)}{opened}>{inner}</details>"

    def compact(self, chunk: int) -> str:
        """With as few elements as can be: there are thousands of such rows. The body is in the chunk of that number."""
        kind = kind_of(self.step)
        words = DOT.join([*_badges(self.step, self.cited)])
        title = f'<span class="as-title" data-n="{self.step.step_id}" data-k="{kind}">{raw(title_of(self.step))}</span>'
        meta = f'<span class="as-meta">{words}</span>' if "<" in words else words
        inner = f"<summary>{title}{meta}{self.places}</summary>"
        return f'<details {self._names(kind, ["lazy"])} data-c="{chunk}">{inner}</details>'

    def _names(self, kind: str, flags: Sequence[str]) -> str:
        flags = [*(name for name, on in (("failed", failed(self.step)), ("cited", self.cited)) if on), *flags]
        flags += sorted({call.function_name for call in self.step.tool_calls or ()} & TOOLS)
        flags += ["tests"] if runs_tests(self.step) else []
        names = " ".join((f"as-step as-step-{kind}", *(f"as-is-{flag}" for flag in flags)))
        return f'class="{names}" id="{links.step_anchor(self.step.step_id)}"'


def _summary(step: Step, kind: str, cited: Sequence[Mention], places: str) -> str:
    calls = step.tool_calls or []
    lines = f'<span class="as-line">{raw(first_line(step.text))}</span>' if step.text.strip() else ""
    lines += "".join(f'<code class="as-cmd">{raw(first_line(command(call)))}</code>' for call in calls[:SHOWN_CALLS])
    more = len(calls) - SHOWN_CALLS
    lines += f"and {markup.count(more, 'more call')}" if more > 0 else ""
    badges = DOT.join(_badges(step, cited))
    return (
        f'<summary><span class="as-n">{step.step_id}</span><span class="as-kind">{kind}</span>'
        f'<span class="as-title">{lines or "(empty)"}</span><span class="as-meta">{badges}</span>{places}</summary>'
    )


def _badges(step: Step, cited: Sequence[Mention]) -> Iterator[str]:
    if cited:
        yield f'<span class="as-cited">cited \u00d7{len(cited)}</span>'
    if told(step).partition("reveals <")[2]:
        yield "reveals"
    yield from (*_exits(step), *_spent(step), *_size(step))


def _exits(step: Step) -> Iterator[str]:
    for result in (step.observation.results if step.observation else [])[:SHOWN_CALLS]:
        if result.exit_code is not None:
            yield exit_words(result.exit_code)


def _spent(step: Step) -> Iterator[str]:
    spent, used = duration(step), tokens(step)
    if spent is not None:
        yield markup.seconds(spent)
    if used is not None:
        yield f"{used[0]:,} tokens in, {used[1]:,} out"


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
