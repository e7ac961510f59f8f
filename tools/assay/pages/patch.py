"""The final patch of a trajectory, file by file, as raw HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assay.evidence import final_patch
from assay.pages import links, markup
from assay.pages.bodies import cited_by
from assay.pages.citing import Mention
from assay.pages.inert import attribute, raw
from assay.patches import FileDiff, Hunk, Line, parse_patch
from assay.workspace import Attempt

OPEN_LINES = 400
"""Larger files start folded."""
KINDS = {" ": "ctx", "+": "add", "-": "del", "\\": "nol"}


def section(
    attempt: Attempt,
    mentions: Mapping[str, Sequence[Mention]],
    task_page: str,
    last: Mapping[str, str] | None = None,
) -> str:
    """All files, or a sentence that says that there are none. `last` has anchors of their states by path."""
    patch = final_patch(attempt)
    files = parse_patch(patch[1]) if patch else ()
    if not files:
        return '<p class="as-quiet">This attempt left the work tree as it was.</p>\n'
    added, removed = sum(file.added for file in files), sum(file.removed for file in files)
    number = markup.count(len(files), "file")
    total = f"{number}, {added} lines added, {removed} removed, against the image's work tree."
    states = last or {}
    shown = "".join(
        _file(file, mentions.get(links.file_anchor(file.path), ()), task_page, states.get(file.path)) for file in files
    )
    return f'<p class="as-quiet">{total}</p><div class="as-patch">{shown}</div>\n'


def _file(file: FileDiff, cited: Sequence[Mention], task_page: str, last: str | None) -> str:
    opened = " open" if file.added + file.removed <= OPEN_LINES else ""
    state = "new" if file.new else "deleted" if file.deleted else "renamed" if file.path != file.old_path else ""
    counts = f'<span class="as-pass">+{file.added}</span> <span class="as-fail">\u2212{file.removed}</span>'
    label = f"<code>{raw(file.path)}</code>{markup.tag(state) if state else ''}"
    head = f'<summary>{label}<span class="as-meta">{counts}</span></summary>'
    body = cited_by(cited, task_page) if cited else ""
    body += f'<p class="as-quiet"><a href="#{last}">the file after its last edit by a call</a></p>' if last else ""
    body += "".join(f'<p class="as-quiet">{raw(note)}</p>' for note in file.notes)
    body += '<p class="as-quiet">binary file</p>' if file.binary else ""
    body += "".join(_hunk(hunk) for hunk in file.hunks)
    alias = f'<span id="{links.file_anchor(file.old_path)}"></span>' if file.old_path != file.path else ""
    place = f'id="{links.file_anchor(file.path)}" data-cite="{attribute(links.cite("diff", file.path))}"'
    return f'{alias}<details class="as-file" {place}{opened}>{head}{body}</details>'


def _hunk(hunk: Hunk) -> str:
    old, new, text = zip(*_numbered(hunk), strict=True) if hunk.lines else ((), (), ())
    gutters = "".join(map(markup.gutter, map("\n".join, (old, new))))
    where = f"@@ \u2212{hunk.old_start} +{hunk.new_start} @@ {hunk.section}"
    lines, broad = "".join(text), markup.broad(line.text for line in hunk.lines)
    label = f"changes from line {hunk.new_start}"
    return (
        f'<div class="as-hunkhead">{raw(where)}</div><div class="as-hunk{broad}">{gutters}'
        f'<pre class="as-code" tabindex="0" aria-label="{label}">{lines}</pre></div>'
    )


def _numbered(hunk: Hunk) -> Iterator[tuple[str, str, str]]:
    """Old number, new number and markup of each line."""
    old, new = hunk.old_start, hunk.new_start
    for line in hunk.lines:
        on_old, on_new = line.kind in " -", line.kind in " +"
        yield str(old) if on_old else "", str(new) if on_new else "", _line(line)
        old, new = old + on_old, new + on_new


def _line(line: Line) -> str:
    return f'<span class="as-{KINDS[line.kind]}">{raw(f"{line.kind}{line.text}")}</span>'
