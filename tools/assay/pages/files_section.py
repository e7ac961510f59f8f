"""The files that an attempt's calls changed, as a tree, each with what it was after every edit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from assay.evidence import final_patch
from assay.pages import chunks, links, markup
from assay.pages.file_states import Edit
from assay.pages.inert import attribute, raw
from assay.patches import parse_patch
from assay.workspace import Attempt

INLINE = 200_000
"""Characters of states that the page holds itself."""


Found = Mapping[str, Sequence[Edit]]
"""Edits by the path of the file."""


@dataclass(frozen=True)
class Section:
    """Markdown, and bodies that are left to scripts, script by script."""

    text: str = ""
    chunks: Sequence[Sequence[tuple[str, str]]] = ()
    last: Mapping[str, str] = field(default_factory=dict)
    """By path of the patch the anchor of the file's last state."""


def section(attempt: Attempt, found: Found, first_chunk: int = 0) -> Section:
    """Empty when no call names a file that it changes. Scripts are counted from `first_chunk`."""
    if not found:
        return Section()
    patch = final_patch(attempt)
    patched = {file.path for file in parse_patch(patch[1])} if patch else set()
    bodies = [
        (_place(path, edit), "".join(_state(path, edit, patched))) for path, edits in found.items() for edit in edits
    ]
    lazy = [*chunks.packed(bodies)] if sum(len(body) for _, body in bodies) > INLINE else []
    chunk_of = {place: first_chunk + number for number, chunk in enumerate(lazy) for place, _ in chunk}
    shown = {} if lazy else dict(bodies)
    leaves = [(PurePosixPath(path).parts, _file(path, edits, shown, chunk_of)) for path, edits in found.items()]
    number, times = markup.count(len(found), "file"), markup.count(sum(map(len, found.values())), "edit")
    lead = f'<p class="as-quiet">{number}, {times}, by calls that name a file; commands may have written others.</p>'
    return Section(
        f'\n## Files {{#{links.FILES}}}\n\n{lead}<div class="as-tree">{_tree(leaves)}</div>\n',
        lazy,
        _last(found, patched),
    )


def _last(found: Found, patched: Collection[str]) -> dict[str, str]:
    last: dict[str, tuple[int, int, str]] = {}
    for path, edits in found.items():
        mine, edit = _patched_as(path, patched), edits[-1]
        if mine:
            here = (edit.step, edit.call, _place(path, edit))
            last[mine] = max(last.get(mine, here), here)
    return {mine: place for mine, (_, _, place) in last.items()}


def _patched_as(path: str, patched: Collection[str]) -> str | None:
    return max((name for name in patched if path == name or path.endswith(f"/{name}")), key=len, default=None)


def places(found: Found) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """By step and call the files that it changes: path, and the anchor of the file after it."""
    by_call: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for path, edits in found.items():
        for edit in edits:
            by_call.setdefault((edit.step, edit.call), []).append((path, _place(path, edit)))
    return by_call


def _tree(leaves: Sequence[tuple[tuple[str, ...], str]]) -> str:
    """Folders as nested lists; a folder that holds nothing but one folder stands on one line with it."""
    folders: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for (name, *rest), text in leaves:
        if rest:
            folders.setdefault(name, []).append((tuple(rest), text))
    items = []
    for name, inner in sorted(folders.items()):
        while len({parts[0] for parts, _ in inner}) == 1 and all(len(parts) > 1 for parts, _ in inner):
            name = f"{name.rstrip('/')}/{inner[0][0][0]}"
            inner = [(parts[1:], text) for parts, text in inner]
        items.append(f'<li><span class="as-folder">{raw(name.rstrip("/"))}/</span>{_tree(inner)}</li>')
    items += [f"<li>{text}</li>" for parts, text in sorted(leaves) if len(parts) == 1]
    return f"<ul>{''.join(items)}</ul>"


def _file(path: str, edits: Sequence[Edit], shown: Mapping[str, str], chunk_of: Mapping[str, int]) -> str:
    added, removed = sum(edit.added for edit in edits), sum(edit.removed for edit in edits)
    facts = f"{markup.count(len(edits), 'edit')} \u00b7 {_counts(added, removed)}"
    rows = []
    for edit in edits:
        place = _place(path, edit)
        lazy = f' data-c="{chunk_of[place]}"' if place in chunk_of else ""
        inner = f'<div class="as-body">{shown[place]}</div>' if place in shown else ""
        head = _head(edit) if inner else _plain_head(edit)
        rows.append(f'<details class="as-state" id="{place}"{lazy}><summary>{head}</summary>{inner}</details>')
    head = f'<code>{raw(PurePosixPath(path).name or path)}</code><span class="as-meta">{facts}</span>'
    return f'<details class="as-edited"><summary>{head}</summary>{"".join(rows)}</details>'


def _counts(added: int, removed: int) -> str:
    return f'<span class="as-pass">+{added}</span> <span class="as-fail">\u2212{removed}</span>'


def _place(path: str, edit: Edit) -> str:
    return links.state_anchor(path, edit.step, edit.call)


def _head(edit: Edit) -> str:
    lines = edit.text.removesuffix("\n").count("\n") + 1 if edit.text else 0
    known = "not known" if edit.text is None else markup.count(lines, "line")
    meta = f'<span class="as-meta">{_counts(edit.added, edit.removed)} \u00b7 {known}</span>'
    return f'<span class="as-line">after step {edit.step}</span>{meta}'


def _plain_head(edit: Edit) -> str:
    """The same words without elements: a log may have a thousand edits."""
    return re.sub(r"<[^>]+>", "", _head(edit).replace('<span class="as-meta">', " \u00b7 "))


def _state(path: str, edit: Edit, patched: Collection[str]) -> Iterator[str]:
    call = f'<a href="#{links.step_anchor(edit.step, edit.call)}">the call in step {edit.step}</a>'
    mine = _patched_as(path, patched)
    last = f'; <a href="#{links.file_anchor(mine)}">the file in the patch</a>' if mine else ""
    ran = markup.count(edit.commands, "command")
    doubt = f"; {ran} ran since the file was last seen whole, and may have changed it" if edit.commands else ""
    if edit.text is None:
        doubt = f"; what the file was then is not known: {raw(edit.why)}"
    yield f'<p class="as-quiet">{call}{last}{doubt}.</p>'
    if edit.text is None:
        return
    if not edit.text:
        yield '<p class="as-quiet">an empty file</p>'
        return
    lines = edit.text.removesuffix("\n").split("\n")
    label = attribute(f"{PurePosixPath(path).name} after step {edit.step}")
    yield markup.numbered(raw("\n".join(lines)), lines, label)
