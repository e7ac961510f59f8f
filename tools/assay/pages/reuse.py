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
            found = None
        mine = isinstance(found, dict) and found.get("package") == self._package  # of another it may be anything
        self._before: dict[str, Any] = found["files"] if mine else {}
        self.clean = Clean(frozenset(found["clean"] if mine else ()))
        """What was looked through for what leaks, and need not be again."""

    def files(self, name: str, places: Iterable[str], facts: object, make: Callable[[], Files]) -> Files:
        """What `make()` gives, taken from the docs folder where it was made before from the same.

        It must depend on nothing but the files at or below `places` (in the workspace), `facts`, whose `repr` says
        all that is in them, and this package.
        """
        key = _digest([repr(facts), *map(self._state, places)])
        before, files = self._before.get(name, ("", {}))
        made = self._kept(files) if before == key else None
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
        found = {"package": self._package, "files": self._now, "clean": sorted(self.clean.met)}
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
