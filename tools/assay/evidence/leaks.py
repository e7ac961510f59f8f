"""Whether a text gives away what only the author may know: runs of words from solutions, tests and later requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LENGTH = 6
"""Words in a row that no two texts share by chance (n-gram overlap, as in contamination checks of language models)."""
SMALL = 1024 * 1024
_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_IDENTIFIER = re.compile(r"\b(?=\w*[_A-Z])[A-Za-z]\w{5,}\b")
_SECRET = ("solution", "tests", "steps/*/solution", "steps/*/tests")
_OPEN = ("environment", "instruction.md", "steps/*/instruction.md")


@dataclass(frozen=True)
class Leak:
    """The verdict on one text; `hits` are what it gives away."""

    hits: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the text may be said."""
        return not self.hits


class LeakGuard:
    """Knows what of a task is secret. `forbidden` are literals that must not be said in any case."""

    def __init__(self, folder: Path, forbidden: Sequence[str] = ()) -> None:
        self._literals = tuple(text.casefold() for text in forbidden)
        secret, known = list(_texts(folder, _SECRET)), list(_texts(folder, _OPEN))
        self._known = _grams(known)
        self._grams = _grams(secret) - self._known
        names = {name for text in known for name in _IDENTIFIER.findall(text)}
        self._names = {name for text in secret for name in _IDENTIFIER.findall(text)} - names

    def check(self, text: str, revealed: Iterable[str] = (), unrevealed: Iterable[str] = ()) -> Leak:
        """What `text` gives away, where `revealed` has been said already and `unrevealed` is to come later."""
        said = _grams(revealed)
        later = _grams(unrevealed) - said - self._known
        mine = _ordered(text)
        hits = [" ".join(gram) for gram in mine if gram in later or (gram in self._grams and gram not in said)]
        hits += [literal for literal in self._literals if literal in text.casefold()]
        already = {name for one in revealed for name in _IDENTIFIER.findall(one)}
        hits += [name for name in _IDENTIFIER.findall(text) if name in self._names - already]
        return Leak(tuple(dict.fromkeys(hits)))


def _texts(folder: Path, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        for place in sorted(folder.glob(pattern)):
            for file in [place] if place.is_file() else sorted(place.rglob("*")):
                if file.is_file() and not file.is_symlink() and file.stat().st_size <= SMALL:
                    yield file.read_text(encoding="utf-8", errors="replace")


def _ordered(text: str) -> list[tuple[str, ...]]:
    tokens = [token.casefold() for token in _TOKEN.findall(text)]
    return [tuple(tokens[at : at + LENGTH]) for at in range(len(tokens) - LENGTH + 1)]


def _grams(texts: Iterable[str]) -> set[tuple[str, ...]]:
    return {gram for text in texts for gram in _ordered(text)}
