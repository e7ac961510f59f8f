"""Pages that are as they were: what the last build generated from the same files is not generated again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import assay
from assay.masking.files import Clean
from assay.pages.unchanged import seen
from assay.storage import write_whole

RECORD = ".assay/pages.json"
_CLEAN = ""
"""Under which the record has texts in which nothing leaks."""

Files = Mapping[str, str]


class Reuse:
    """What was generated last and from what, by a name for each group of files."""

    def __init__(self, root: Path, docs: Path) -> None:
        """Nothing is known of a folder without a record, or with one that cannot be read."""
        self._root, self._docs = root, docs
        self._package = _digest(seen(Path(assay.__file__).parent))
        self._states: dict[str, str] = {}
        self.kept: set[str] = set()
        """Files that were taken from the docs folder, and so are there."""
        self._now: dict[str, list[Any]] = {}
        try:
            found = json.loads((root / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        self._before: dict[str, Any] = found if isinstance(found, dict) else {}
        package, *clean = self._before.get(_CLEAN) or [""]
        self.clean = Clean(frozenset(clean if package == self._package else ()))
        """What was looked through for what leaks, and need not be again."""

    def files(self, name: str, places: Iterable[str], facts: object, make: Callable[[], Files]) -> Files:
        """What `make()` gives, taken from the docs folder where it was made before from the same.

        It must depend on nothing but the files at or below `places` (in the workspace), `facts`, whose `repr` says
        all that is in them, and this package.
        """
        key = _digest([self._package, repr(facts), *map(self._state, places)])
        before = self._before.get(name)
        made = self._kept(before[1]) if isinstance(before, list) and before[:1] == [key] else None
        if made is None:
            made = make()
        else:
            self.kept |= made.keys()
        self._now[name] = [key, {path: _hash(text.encode()) for path, text in made.items()}]
        return made

    def _state(self, place: str) -> str:
        if place not in self._states:
            self._states[place] = _digest(seen(self._root / place))
        return self._states[place]

    def remember(self) -> None:
        """Note what was asked for since the start; call it when the files have been written."""
        found = self._now | {_CLEAN: [self._package, *sorted(self.clean.met)]}
        write_whole(self._root / RECORD, json.dumps(found, separators=(",", ":")).encode())

    def _kept(self, files: Mapping[str, str]) -> Files | None:
        """The files, when all are still what they were."""
        found = {}
        for path, digest in files.items():
            try:
                data = (self._docs / path).read_bytes()
            except OSError:
                return None
            if _hash(data) != digest:
                return None
            found[path] = data.decode()
        return found


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(lines: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, lines)).encode(errors="surrogateescape")).hexdigest()
