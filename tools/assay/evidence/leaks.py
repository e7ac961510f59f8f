"""Whether a text gives away what only the author may know: runs of words from solutions, tests and later requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

LENGTH = 6
"""Words in a row that no two texts share by chance (n-gram overlap, as in contamination checks of language models)."""
SMALL = 1024 * 1024
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][^\W\dA-Z_])|[A-Z]?[^\W\dA-Z_]+|[A-Z]+|\d+")
"""Words, and the parts of `camelCase` and `snake_case`."""
_WORD = re.compile(r"\b[^\W\d]\w{5,}")
_COMPOUND = re.compile(r"[^\W_]_[^\W_]|[a-z\d][A-Z]")
"""In a name of several parts, which nobody writes by chance: no word at the start of a sentence is one."""
_SECRET = ("solution", "tests", "steps/*/solution", "steps/*/tests")
_OPEN = ("environment", "instruction.md", "steps/*/instruction.md")
_Gram = tuple[str, ...]


@dataclass(frozen=True)
class Leak:
    """The verdict on one text; `hits` are what it gives away."""

    hits: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the text may be said."""
        return not self.hits


class LeakGuard:
    """Knows what of the task in `folder` is secret; files are read when a text first needs them.

    `forbidden` are literals that must not be said in any case, whoever knows them.
    """

    def __init__(self, folder: Path, forbidden: Sequence[str] = ()) -> None:
        self._folder = folder
        self._literals = tuple(text.casefold() for text in forbidden)

    def check(self, text: str, revealed: Iterable[str] = (), unrevealed: Iterable[str] = ()) -> Leak:
        """What `text` gives away, where `revealed` has been said already and `unrevealed` is to come later."""
        said, later = list(revealed), _all_grams(unrevealed)
        found = [gram for gram in _grams(text) if gram in self._secret or gram in later]
        new = set(found) - _all_grams(said) - self._known if found else set()
        hits = [" ".join(gram) for gram in found if gram in new]
        hits += [literal for literal in self._literals if literal in text.casefold()]
        if names := _names([text]):
            hits += sorted(names & self._names - _names(said))
        return Leak(tuple(dict.fromkeys(hits)))

    @cached_property
    def _secret(self) -> set[_Gram]:
        return {gram for text in _texts(self._folder, _SECRET) for gram in _cut(text)}

    @cached_property
    def _known(self) -> set[_Gram]:
        return {gram for text in _texts(self._folder, _OPEN) for gram in _cut(text)}

    @cached_property
    def _names(self) -> set[str]:
        return _names(_texts(self._folder, _SECRET)) - _names(_texts(self._folder, _OPEN))


def _texts(folder: Path, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        for place in sorted(folder.glob(pattern)):
            for file in [place] if place.is_file() else sorted(place.rglob("*")):
                if file.is_symlink() or not file.is_file() or file.stat().st_size > SMALL:
                    continue
                if b"\0" not in (content := file.read_bytes()):
                    yield content.decode("utf-8", errors="replace")


def _cut(text: str) -> Iterator[_Gram]:
    tokens = [token.casefold() for token in _TOKEN.findall(text)]
    return zip(*(tokens[at:] for at in range(LENGTH)), strict=False)


@lru_cache(1024)
def _grams(text: str) -> tuple[_Gram, ...]:
    """Of something that a user says: it is compared with all the others."""
    return tuple(_cut(text))


def _all_grams(texts: Iterable[str]) -> set[_Gram]:
    return {gram for text in texts for gram in _grams(text)}


def _names(texts: Iterable[str]) -> set[str]:
    words = {word for text in texts for word in _WORD.findall(text)}
    return {word for word in words if _COMPOUND.search(word)}
