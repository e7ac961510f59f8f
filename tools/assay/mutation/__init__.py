"""Mutants of a reference solution: one small fault each, to see whether the tests notice.

Faults are put into what the reference added or changed, in its result or in its `solve.sh`. Nothing runs here.
The same input gives the same list, byte for byte.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Literal

from assay.mutation.curly import SUFFIXES, curly_edits
from assay.mutation.data import json_edits, reverted, table_edits, text_edits
from assay.mutation.edits import Edit, Finder, changed_lines, line_numbers, unified
from assay.mutation.python import parsed, python_edits
from assay.mutation.shell import shell_edits

LIMIT = 500_000
"""Bytes of a file above which it is left alone, as binary files are."""
SCRIPT = "solve.sh"

_FINDERS: dict[str, Finder] = {
    ".py": python_edits,
    ".sh": shell_edits,
    ".bash": shell_edits,
    ".json": json_edits,
    ".jsonl": json_edits,
    ".ndjson": json_edits,
    ".csv": table_edits,
    ".tsv": table_edits,
    **dict.fromkeys(SUFFIXES, curly_edits),
}


@dataclass(frozen=True)
class Mutant:
    """One fault. `path` is absolute in the container, or relative to the folder of the milestone's solution."""

    name: str
    target: Literal["artifact", "solution"]
    milestone: str
    """Whose solution is changed; empty for an artifact."""
    path: str
    operator: str
    line: int
    content: bytes
    """The whole file with the fault in it."""
    diff: str


@dataclass(frozen=True)
class _File:
    path: str
    milestone: str
    content: bytes


_Group = tuple[str, str]
_Candidate = tuple[str, _File, Edit]


def mutants(
    changed: Mapping[str, tuple[bytes | None, bytes]], solutions: Mapping[str, bytes], cap: int
) -> list[Mutant]:
    """At most `cap` mutants, spread evenly over files and operators.

    `changed` has the files of the reference's result that differ from the untouched image, by absolute path: before
    (None when new) and after. `solutions` has the `solve.sh` of each milestone. A smaller cap gives the beginning of
    the list of a larger one.
    """
    groups: dict[_Group, list[_Candidate]] = {}
    for path, (before, after) in changed.items():
        for edit in _artifact_edits(path, before, after):
            _add(groups, _File(path, "", after), edit)
    for milestone, content in solutions.items():
        for edit in shell_edits(content) if _readable(content) else ():
            _add(groups, _File(SCRIPT, milestone, content), edit)
    for group in groups.values():
        group.sort(key=lambda candidate: (candidate[0], candidate[2].start, candidate[1].milestone))
    return [_mutant(place, *item) for place, item in zip(range(1, cap + 1), _spread(groups), strict=False)]


def _add(groups: dict[_Group, list[_Candidate]], file: _File, edit: Edit) -> None:
    segment = file.content[edit.start : edit.end]
    key = sha256(f"{file.path}\0{edit.operator}\0".encode() + segment + b"\0" + edit.replacement).hexdigest()
    groups.setdefault((file.path, edit.operator), []).append((key, file, edit))


def _readable(content: bytes) -> bool:
    try:
        return len(content) <= LIMIT and "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _artifact_edits(path: str, before: bytes | None, after: bytes) -> Iterator[Edit]:
    """Edits that touch a line which the reference wrote."""
    if not _readable(after) or not _readable(before or b""):
        return
    finder = _finder(path, after)
    wanted, line = changed_lines(before, after), line_numbers(after)
    for edit in finder(after):
        first, last = edit.core(after)
        if not wanted.isdisjoint(range(line(first), line(last) + 1)):
            yield edit
    if finder is text_edits and before is not None:
        yield from reverted(before, after)


def _finder(path: str, content: bytes) -> Finder:
    first = content.partition(b"\n")[0]
    if first.startswith(b"#!"):
        return python_edits if b"python" in first else shell_edits if b"sh" in first else text_edits
    return _FINDERS.get(PurePosixPath(path).suffix.lower(), text_edits)


def _spread(groups: dict[_Group, list[_Candidate]]) -> Iterator[tuple[_File, Edit, bytes]]:
    """Valid, distinct candidates: each pair of file and operator once before any twice, both taking turns."""
    pairs: Counter[_Group] = Counter()
    halves: Counter[str] = Counter()
    files = {file for group in groups.values() for _, file, _ in group}
    seen = {(file.path, file.milestone, _meaning(file.path, file.content)) for file in files}
    order = {group: sha256("\0".join(group).encode()).hexdigest() for group in groups}
    while groups:
        group = min(groups, key=lambda one: (pairs[one], halves[one[0]] + halves[one[1]], order[one]))
        _, file, edit = groups[group].pop(0)
        if not groups[group]:
            del groups[group]
        content = edit.apply(file.content)
        identity = (file.path, file.milestone, _meaning(file.path, content))
        if identity[2] is not None and identity not in seen:
            seen.add(identity)
            pairs[group] += 1
            halves.update(group)
            yield file, edit, content


def _meaning(path: str, content: bytes) -> str | bytes | None:
    """What makes two versions of a file the same program; None for what does not compile."""
    if _finder(path, content) is not python_edits:
        return content
    tree = parsed(content)
    return None if tree is None else ast.dump(tree)


def _mutant(place: int, file: _File, edit: Edit, content: bytes) -> Mutant:
    return Mutant(
        name=f"mutant-{place:02}",
        target="solution" if file.milestone else "artifact",
        milestone=file.milestone,
        path=file.path,
        operator=edit.operator,
        line=line_numbers(file.content)(edit.core(file.content)[0]),
        content=content,
        diff=unified(file.path, file.content, content),
    )
