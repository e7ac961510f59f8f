"""Versions of the rubric and the guidelines that annotations were made under: what changed since, and what may be
pooled.

What git keeps tells the words apart: an annotation names the blob of its rubric, and the version of the guidelines
stands in their front matter. A change that touches no verdict, of a `why` or a weight, makes nothing stale. Git is
asked, and imported, only where something differs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.contents import blob_id
from assay.documents import parse
from assay.model.annotation import Annotation
from assay.workspace import Sheet, Task, Workspace

GUIDELINES = "annotations/guidelines.md"
ASKED = ("statement", "good", "evidence", "milestone", "test")
"""Fields of a criterion that its verdict answers. The others say why it matters, and how much."""
_VERSION = re.compile(r"\A---\n(?:.*\n)*?version: *(\d+) *\n", re.ASCII)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Difference:
    """Names of what came, went, or asks something else than before."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reworded: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.reworded)

    def __str__(self) -> str:
        parts = ((self.added, "added"), (self.removed, "removed"), (self.reworded, "reworded"))
        return "; ".join(f"{word} {', '.join(f'`{name}`' for name in names)}" for names, word in parts if names)


def compared(before: Mapping[str, Any], now: Mapping[str, Any]) -> Difference:
    """What differs between two sets of named things, in the order of the newer one."""
    return Difference(
        tuple(name for name in now if name not in before),
        tuple(name for name in before if name not in now),
        tuple(name for name in now if name in before and before[name] != now[name]),
    )


class Changes:
    """What changed since annotations were made. Git is asked once for each version."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rubrics: dict[tuple[str, str], Difference | None] = {}
        self._guidelines: dict[int, Difference | None] = {}

    def of_rubric(self, task: Task, graded: str) -> Difference | None:
        """What the rubric asks now that it did not ask when its blob was `graded`; None when git has no such blob.

        Nothing when only words that no verdict answers were changed.
        """
        if (task.id, graded) not in self._rubrics:
            self._rubrics[task.id, graded] = _rubric_change(task, graded)
        return self._rubrics[task.id, graded]

    def of_guidelines(self, version: int) -> Difference | None:
        """Sections that differ from those of an earlier version of the guidelines; None when git has it not."""
        if version not in self._guidelines:
            self._guidelines[version] = _guidelines_change(self._workspace, version)
        return self._guidelines[version]


def _rubric_change(task: Task, graded: str) -> Difference | None:
    if task.rubric is None or graded == current_rubric(task):
        return Difference()
    text = _blob(task.folder, graded)
    document = parse(text, "rubric.yaml")[0] if text is not None else None
    before = _asked(document.data) if document else None
    return None if before is None else compared(before, _asked(task.rubric.document.data) or {})


def current_rubric(task: Task) -> str:
    """The git blob id of the rubric in the work tree; empty without one."""
    return _id(task.rubric.document.text) if task.rubric else ""


@lru_cache(maxsize=1024)
def _id(text: str) -> str:
    return blob_id(text.encode())


def _guidelines_change(workspace: Workspace, version: int) -> Difference | None:
    if workspace.guidelines is None or version >= workspace.guidelines:
        return Difference()
    before = _earlier(workspace.root, version)
    now = (workspace.root / GUIDELINES).read_text(encoding="utf-8")
    return None if before is None else compared(_sections(before), _sections(now))


def one_version(workspace: Workspace, *, over_all: bool = False) -> tuple[Workspace, dict[str, str]]:
    """The workspace without the annotations that may not be pooled with the others, and why not, by their paths.

    Of each task those count that were made under the newest guidelines that any of its annotations was made under,
    and against the rubric as it is now, or, if none was, against the one that most of them were. What asks the same
    is the same version. `over_all` compares guidelines across tasks.
    """
    others = _unpooled(workspace, workspace.sheets, over_all=over_all)
    return replace(workspace, sheets=tuple(one for one in workspace.sheets if one.path not in others)), others


def _unpooled(workspace: Workspace, sheets: Iterable[Sheet], *, over_all: bool) -> dict[str, str]:
    changes = Changes(workspace)
    groups: dict[str, list[tuple[str, Annotation]]] = defaultdict(list)
    everything = [(sheet.task, sheet.path, sheet.entry.record) for sheet in sheets if sheet.entry]
    for task, path, record in everything:
        groups[task].append((path, record))
    ranked = (record.guidelines for task, _, record in everything if not workspace.quarantined(task))
    latest = max(ranked, default=0)
    found: dict[str, str] = {}
    for name, group in groups.items():
        newest = latest if over_all else max(record.guidelines for _, record in group)
        same = {version: _same_guidelines(changes, version, newest) for version in {one.guidelines for _, one in group}}
        for path, record in group:
            if not same[record.guidelines]:
                what = changes.of_guidelines(record.guidelines)
                since = f" ({what})" if what else ""
                found[path] = f"made under guidelines {record.guidelines}, others under {newest}{since}"
        graded = workspace.tasks.get(name)
        if graded and graded.rubric:
            found |= _other_rubrics(
                changes, graded, {path: record.rubric for path, record in group if path not in found}
            )
    return found


def _other_rubrics(changes: Changes, task: Task, rubrics: Mapping[str, str]) -> dict[str, str]:
    """Those of `rubrics`, blob ids by path, that ask something else than the others."""
    asks = {blob: changes.of_rubric(task, blob) for blob in set(rubrics.values())}
    keys = {path: blob[:12] if (found := asks[blob]) is None else str(found) for path, blob in rubrics.items()}
    listed = list(keys.values())
    kept = min(set(listed), key=lambda key: (key != "", -listed.count(key), key), default="")
    now = "the rubric as it is now" if kept == "" else "another one"
    return {
        path: f"graded against an older rubric ({key}), others against {now}"
        for path, key in keys.items()
        if key != kept
    }


def _same_guidelines(changes: Changes, version: int, other: int) -> bool:
    """Whether two versions say the same; the texts decide where git has both."""
    return version == other or changes.of_guidelines(version) == changes.of_guidelines(other) == Difference()


def _asked(data: Any) -> dict[str, Any] | None:
    """What each criterion of a rubric asks; None when it is no rubric."""
    criteria = data.get("criteria") if isinstance(data, dict) else None
    if not isinstance(criteria, list) or not all(isinstance(item, dict) for item in criteria):
        return None
    return {str(item.get("id")): [_plain(item.get(field)) for field in ASKED] for item in criteria}


def _plain(value: Any) -> Any:
    """Text without how it was broken into lines."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _sections(text: str) -> dict[str, str]:
    """Sections by heading, as words; what comes before the first is the introduction."""
    body = text.split("---\n", 2)[-1] if text.startswith("---\n") else text
    parts = ["Introduction", *_HEADING.split(body)]
    return {name: " ".join(words.split()) for name, words in zip(parts[::2], parts[1::2], strict=True)}


def _blob(folder: Path, name: str) -> str | None:
    from assay.repository import GitError, is_versioned, read_git

    try:
        return read_git(folder, "cat-file", "blob", name) if is_versioned(folder) else None
    except GitError:
        return None


def _earlier(root: Path, version: int) -> str | None:
    """The newest text of the guidelines under `version`."""
    from assay.repository import GitError, is_versioned, versions

    try:
        for _, _, content in versions(root, [GUIDELINES], "HEAD")[1] if is_versioned(root) else ():
            text = content.decode("utf-8", "replace")
            found = _VERSION.match(text)
            if found and int(found[1]) == version:
                return text
    except GitError:
        pass
    return None
