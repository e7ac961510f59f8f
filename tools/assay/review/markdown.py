"""The report as Markdown for a comment: what people wrote stands in code, where nothing is markup or a mention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import ndiff

from assay.diagnostics import Diagnostic
from assay.reporters.text import line
from assay.review.changes import Change, Cited, Item
from assay.review.report import Progress, Report

LARGEST = 65_536
"""What GitHub takes as a comment, counted here in bytes, which are never fewer than characters."""
SHORT = 90
LISTED = 40
MARK = "<!-- assay review -->"
"""The first line, by which a bot finds its own comment again."""


def render(report: Report, largest: int = LARGEST) -> str:
    """The whole report, or as much as fits: changes are cut first, and it says how much was."""
    head = "\n".join(
        [MARK, *_head(report), *_diagnostics(report), *_matrix(report), *_consistency(report), *_runs(report)]
    )
    head = _cut(head, largest // 2)
    parts, size, left = [head, "\n## What changed\n"], len(head.encode()) + 300, len(report.items)
    for item in report.items:
        block = _item(item)
        size += len(block.encode())
        if size > largest:
            parts.append(f"\n{left} more did not fit here. `assay review` in a clone shows everything.\n")
            break
        parts.append(block)
        left -= 1
    if not report.items:
        parts.append("\nNothing in tasks, trajectories or annotations.\n")
    return "".join(parts)


def _cut(text: str, largest: int) -> str:
    """Whole lines only, none of them inside a fence, for everything before the changes is lists and tables."""
    lines, size = [], 0
    for number, row in enumerate(rows := text.split("\n")):
        size += len(row.encode()) + 1
        if size > largest:
            lines.append(f"\n{len(rows) - number} more lines did not fit here.")
            break
        lines.append(row)
    return "\n".join(lines) + "\n"


def _head(report: Report) -> list[str]:
    verdict = "ready" if report.ready else "needs work: " + "; ".join(report.reasons)
    return [f"# Review: {verdict}", "", f"Compared with `{report.base[:12]}`.", ""]


def _diagnostics(report: Report) -> Iterator[str]:
    yield "## Findings"
    yield ""
    yield from _found("new", report.new)
    yield from _found("resolved", report.resolved)
    if report.hidden:
        yield f"{report.hidden} more in annotations that are not revealed.\n"


def _found(word: str, found: Sequence[Diagnostic]) -> Iterator[str]:
    yield f"{len(found) or 'None'} {word}{':' if found else '.'}"
    yield ""
    yield from (f"- {code(line(item).splitlines()[0])}" for item in found[:LISTED])
    if len(found) > LISTED:
        yield f"- and {len(found) - LISTED} more; `assay check` lists all"
    if found:
        yield ""


def _matrix(report: Report) -> Iterator[str]:
    if report.progress:
        yield "## Who has done what\n"
        yield "| task | annotator | state | graded | ranked | cited | minutes |"
        yield "| --- " * 7 + "|"
        yield from map(_progress, report.progress)
        yield ""


def _progress(row: Progress) -> str:
    shares = ["" if share is None else f"{share[0]} of {share[1]}" for share in (row.graded, row.ranked, row.cited)]
    minutes = "" if row.minutes is None else f"{row.minutes:g}"
    return "| " + " | ".join([code(row.task), code(row.annotator), row.state, *shares, minutes]) + " |"


def _consistency(report: Report) -> Iterator[str]:
    if report.rankings or report.disagreements:
        yield "## Agreement\n"
    for pair in report.rankings:
        counts = f"{pair.same} pairs in the same order, {pair.reversed} reversed, {pair.tied_once} tied by one only"
        yield f"- {code(pair.task)}, {' and '.join(map(code, pair.annotators))}: {counts}"
    for item in report.disagreements:
        said = ", ".join(f"{code(name)} says {word}" for name, word in item.said)
        yield f"- {code(f'{item.task} / {item.about}')}: {said}"
    yield ""


def _runs(report: Report) -> Iterator[str]:
    if report.runs:
        yield f"## Recorded runs\n\n{report.runs}; what rules say of them: {len(report.run_findings) or 'nothing'}\n"
        yield from (f"- {code(line(item).splitlines()[0])}" for item in report.run_findings[:LISTED])
        yield ""


def _item(item: Item) -> str:
    title = f"\n### {item.kind} {code(item.name)}: {item.state}\n"
    return title + "".join(f"\n{_change(change)}\n" for change in item.changes)


def _change(change: Change) -> str:
    texts = [text for text in (change.before, change.after) if text is not None]
    if all(len(text) <= SHORT and "\n" not in text for text in texts):
        words = " → ".join(code(text) for text in texts) if len(texts) == 2 and texts[0] != texts[1] else ""
        words = words or (code(texts[0]) if texts else "") + _fate(change)
        head = f"- {code(change.at)}: {words}"
    else:
        body = "\n".join(_difference(change.before or "", change.after or ""))
        head = f"- {code(change.at)}:\n\n{fence(body, 'diff')}"
    gone = [f"  - no longer cites {code(text)}" for text in change.removed]
    return "\n".join([head, *map(_cited, change.added), *gone])


def _fate(change: Change) -> str:
    if change.before == change.after:
        return " as before, other evidence"
    return " (new)" if change.before is None else " (gone)"


def _difference(before: str, after: str) -> Iterable[str]:
    return (row.rstrip("\n") for row in ndiff(before.splitlines(), after.splitlines()) if not row.startswith("?"))


def _cited(cited: Cited) -> str:
    if not cited.resolves:
        return f"  - cites {code(cited.written)}, which points at nothing: {code(cited.text)}"
    return f"  - cites {code(cited.written)}:\n\n{fence(cited.text, 'text', '    ')}\n"


def code(text: str) -> str:
    """Text that nobody is told of, that links nowhere and that holds no markup, on one line of a list or a table."""
    flat = " ".join(_plain(text).split()).replace("|", "\N{FULLWIDTH VERTICAL LINE}")
    ticks = "`" * (max([0, *map(len, re.findall("`+", flat))]) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") or not flat else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def fence(text: str, language: str, indent: str = "  ") -> str:
    """A block of code that nothing in it can end."""
    body = _plain(text)
    ticks = "`" * (max([2, *map(len, re.findall("`+", body))]) + 1)
    return "\n".join(indent + row for row in (ticks + language, *body.split("\n"), ticks))


def _plain(text: str) -> str:
    """Without what a terminal would obey or a reader would not see."""
    text = text.replace("\r\n", "\n")
    return "".join(char if char in "\n\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
