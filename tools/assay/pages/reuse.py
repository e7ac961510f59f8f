"""Pages that are as they were: what the last build generated from the same files is not generated again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import assay
from assay.masking.files import Clean
from assay.pages.listing import TICK, seen, stat
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
        """Files in the docs folder that are as they would be made."""
        self._now: dict[str, tuple[str, Mapping[str, Any]]] = {}
        try:
            found = json.loads((root / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = None
        mine = isinstance(found, dict) and found.get("package") == self._package  # of another it may be anything
        self._before: dict[str, Any] = found["files"] if mine else {}
        self.clean = Clean(frozenset(found["clean"] if mine else ()))
        """What was looked through for what leaks, and need not be again."""

    def files(self, name: str, places: Iterable[str], facts: object, make: Callable[[], Files]) -> Files:
        """What `make()` gives; empty where it was made before from the same and is still there: then it is `kept`.

        It must depend on nothing but the files at or below `places` (in the workspace), `facts`, whose `repr` says
        all that is in them, and this package.
        """
        key = _digest([repr(facts), *map(self._state, places)])
        before, files = self._before.get(name, ("", {}))
        if before == key and all(self._is_there(path, was) for path, was in files.items()):
            self.kept |= files.keys()
            self._now[name] = key, files
            return {}
        made = make()
        self._now[name] = key, dict.fromkeys(made)
        return made

    def _is_there(self, path: str, was: object) -> bool:
        found = stat(self._docs / path)
        return found is not None and [*found] == was

    def _state(self, place: str) -> str:
        if place not in self._states:
            self._states[place] = _digest(seen(self._root / place))
        return self._states[place]

    def remember(self) -> None:
        """Note what was asked for since the start; call it when the files have been written."""
        time.sleep(TICK / 1e9)  # what is written from here on has another time
        files = {
            name: (key, {path: was or stat(self._docs / path) for path, was in files.items()})
            for name, (key, files) in self._now.items()
        }
        found = {"package": self._package, "files": files, "clean": sorted(self.clean.met)}
        write_whole(self._root / RECORD, json.dumps(found, separators=(",", ":")).encode())


def _digest(lines: Iterable[object]) -> str:
    return hashlib.sha256("\n".join(map(str, lines)).encode(errors="surrogateescape")).hexdigest()
