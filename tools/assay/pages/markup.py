"""Small pieces of HTML and Markdown that several pages use. Text arguments must be inert already."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

PASS, FAIL, UNKNOWN = "pass", "fail", "none"
GLYPHS = {PASS: "\u2713", FAIL: "\u2717", UNKNOWN: "\u2013"}
BROAD = 110
"""Characters of code that fit on a line of paper (A4, 6.6 pt)."""


def front_matter(title: str, *, search: bool = True, toc: bool = True) -> str:
    """Page settings. The theme prints titles unescaped on every page, so only ids and our own words may be titles."""
    hidden = ["navigation"] if toc else ["navigation", "toc"]
    lines = ["---", "generated: assay", f"title: {json.dumps(title)}", f"hide: [{', '.join(hidden)}]"]
    if not search:
        lines += ["search:", "  exclude: true"]
    return "\n".join((*lines, "---", ""))


def verdict_class(passed: bool | None) -> str:
    """The style of a verdict; None is one that could not be told."""
    return UNKNOWN if passed is None else PASS if passed else FAIL


def verdict(passed: bool | None, words: str = "") -> str:
    """Glyph and words: never colour alone."""
    kind = verdict_class(passed)
    words = words or {PASS: "passed", FAIL: "failed", UNKNOWN: "no verdict"}[kind]
    return f'<span class="as-v as-{kind}">{GLYPHS[kind]} {words}</span>'


def tag(words: str, kind: str = "") -> str:
    """A small label."""
    return f'<span class="as-tag{f" as-{kind}" if kind else ""}">{words}</span>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """A Markdown table, so that links in it are checked. Cells must not hold line breaks or bare pipes."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return f'<div class="as-table{f" as-{kind}" if kind else ""}" markdown="1">\n\n' + "\n".join(lines) + "\n\n</div>\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell or "&nbsp;" for cell in cells) + " |"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Name and value pairs as one raw HTML block."""
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs if value)
    return f'<dl class="as-facts">{items}</dl>\n'


def crumbs(*links: str) -> str:
    """The way up, as Markdown links."""
    return '<p class="as-crumbs" markdown="span">' + " <span>/</span> ".join(links) + "</p>\n"


def note(words: str, kind: str = "note", title: str = "") -> str:
    """A Markdown admonition; `words` must be one line."""
    return f'!!! {kind} "{title}"\n\n    {words}\n'


def disclosure(summary: str, body: str, *, opened: bool = False) -> str:
    """Raw HTML that folds; the body must be raw HTML too."""
    return f'<details class="as-fold"{" open" if opened else ""}><summary>{summary}</summary>{body}</details>\n'


def code(text: str, label: str) -> str:
    """A block of code as raw HTML; `text` must come from `inert.raw`, `label` names it for screen readers."""
    return f'<pre class="as-code" tabindex="0" aria-label="{label}">{_first(text)}</pre>'


def numbered(text: str, lines: Sequence[str], label: str) -> str:
    """The same with the numbers of its `lines` beside it, by which citations name them."""
    numbers = "\n".join(map(str, range(1, len(lines) + 1)))
    return f'<div class="as-out{broad(lines)}">{gutter(numbers)}{code(text, label)}</div>'


def gutter(numbers: str) -> str:
    """Numbers of lines, one each line."""
    return f'<pre class="as-gutter" aria-hidden="true">{numbers}</pre>'


def broad(lines: Iterable[str]) -> str:
    """A class for lines that do not fit on paper, where they are wrapped and stand without numbers."""
    return " as-is-broad" if any(len(line) > BROAD for line in lines) else ""


def _first(text: str) -> str:
    """HTML drops a line feed right after <pre>."""
    return f"\n{text}" if text.startswith("\n") else text


def breakable(name: str) -> str:
    """An inert name that may wrap where its parts meet."""
    return name.replace("/", "/<wbr>").replace("&#95;", "&#95;<wbr>")


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 step`, `2 steps`, `2 trajectories`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def seconds(value: float | None) -> str:
    """A duration as people say it; empty when unknown."""
    if value is None:
        return ""
    if value < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def minutes(value: float) -> str:
    """An estimate in minutes as hours and minutes."""
    hours, rest = divmod(round(value), 60)
    parts = (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "")
    return " ".join(part for part in parts if part)


def percent(value: float | None) -> str:
    """A share as a whole percentage; a dash when there is none."""
    return GLYPHS[UNKNOWN] if value is None else f"{value:.0%}".replace("%", "&#37;")
