"""Putting right what there is one way to put right.

A fix replaces text in a file; comments and layout stay. What was sealed is left as it is, because its commitment would
no longer hold, and so are generated files and trajectories, which are evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from assay.diagnostics import Diagnostic, Fix, Position
from assay.documents import Document, parse
from assay.sealing.places import seal_path
from assay.storage import write_whole
from assay.workspace import Workspace


def fix_all(workspace: Workspace, diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Write the fixes that the diagnostics carry, each file at once; yields the diagnostics that were fixed."""
    fixable = sorted((item for item in diagnostics if item.fix), key=lambda item: (item.path, item.fix or ()))
    for path, found in groupby(fixable, lambda item: item.path):
        document = workspace.documents.get(path)
        if (
            document is None
            or path.endswith(".json")
            or path.startswith("trajectories/")
            or _is_sealed(workspace, path)
        ):
            continue
        file = workspace.root / path
        content = file.read_bytes()
        mark = content[:3] if content.startswith(b"\xef\xbb\xbf") else b""
        if content.removeprefix(mark).decode("utf-8") != document.text:
            continue  # somebody saved it meanwhile: what is known of it is known no longer
        text, done = _fixed(document, list(found))
        if done:
            write_whole(file, mark + text.encode())
        yield from done


def _is_sealed(workspace: Workspace, path: str) -> bool:
    """Whether there is a seal of an annotation or a draft, or of its first stage; it may be unreadable."""
    parts = path.split("/")
    if parts[0] != "annotations" or len(parts) < 3:
        return False
    task, annotator = parts[1], parts[-1].removesuffix(".yaml")
    return any((workspace.root / seal_path(task, annotator, stage)).exists() for stage in (None, 1))


def _fixed(document: Document, found: Sequence[Diagnostic]) -> tuple[str, list[Diagnostic]]:
    """The text after those fixes that leave it readable; where two overlap, after the first."""
    text, done = document.text, list[Diagnostic]()
    end = Position(1, 1)
    chosen = []
    for item in found:
        if item.fix and item.fix.start >= end:
            chosen.append((item, item.fix))
            end = item.fix.end
    for item, fix in reversed(chosen):  # from the end, so that places before stay where they are
        changed = _replaced(text, fix)
        read, problems = parse(changed, document.path)
        if changed != text and read is not None and len(problems) <= len(parse(text, document.path)[1]):
            text = changed
            done.append(item)
    return text, done[::-1]


def _replaced(text: str, fix: Fix) -> str:
    lines = text.split("\n")
    start, end = (sum(len(line) + 1 for line in lines[: at.line - 1]) + at.column - 1 for at in (fix.start, fix.end))
    return text[:start] + fix.text + text[end:]


def told(item: Diagnostic, text: str) -> str:
    """What a fix does, in one line; `text` is that of the file before."""
    assert item.fix
    (line, column), (_, end), new = item.fix
    old = text.split("\n")[line - 1][column - 1 : end - 1]
    return f"{item.path}:{line}:{column}: fixed {item.rule}: `{old}` -> `{new}`"
