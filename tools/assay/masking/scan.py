"""Finds what tells who made an attempt, fast: a text is cut into words, and only words of the dictionary are looked at.

Cost does not grow with the dictionary. Everything is judged in the original text, so places need no translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.masking.dictionary import Dictionary, Term, standard

_CHUNK = 1 << 16
"""Characters that are cut at once: their words stay in the processor's cache."""
_LETTERS = bytes(range(ord("a"), ord("z") + 1))
_BAR = b"\v"
_WORDS = bytes(
    code if code in _LETTERS + _BAR else ord(" ")
    for code in bytes.maketrans(_LETTERS.upper() + b"_" + _BAR, _LETTERS + _BAR + b" ")
)
"""Letters become small, everything else separates; an underscore in its own way, because ids are prefixes with one."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STEP = re.compile(r'"step_id": ?(\d+)')


@dataclass(frozen=True, order=True)
class Leak:
    """One place: `text[start:end]`, the name of what was found there, its class, and whether nothing else is meant."""

    start: int
    end: int
    term: str
    kind: str
    certain: bool


def scan(text: str, dictionary: Dictionary | None = None) -> Iterator[Leak]:
    """What gives an identity away, in order of place; of what overlaps, the certain and the longer."""
    known = dictionary or standard()
    text = _COLOURS.sub(lambda match: " " * len(match[0]), text) if "\x1b[" in text else text
    at = 0
    while at < len(text):
        end = text.find(" ", at + _CHUNK) + 1 or len(text)
        chunk = text[at:end]
        # One byte for each character, whatever it is: a place in the one is the place in the other.
        words = b" %b " % chunk.encode("ascii", "replace").translate(_WORDS)
        found = [leak for word in known.words.intersection(words.split()) for leak in _at(text, at, words, word, known)]
        if known.foreign and not chunk.isascii():
            found += [leak for term in known.foreign for leak in _literal(chunk, at, term)]
        if found:
            yield from _disjoint(found)
        at = end


def _at(text: str, start: int, words: bytes, word: bytes, known: Dictionary) -> Iterator[Leak]:
    """Leaks at the places of `word` in a chunk; `words` has a blank before the chunk's first character."""
    terms = known.by_word[word]
    bar = _BAR if all(term.pattern.startswith(f"{word.decode()}_") for term in terms) else b""
    place = words.find(word + bar, 1)
    while place >= 0:
        if words[place - 1] not in _LETTERS and words[place + len(word)] not in _LETTERS:
            at = start + place - 1
            for term in terms:
                if match := term.find(text, at, at + len(word)):
                    yield Leak(*match.span(), term.name, term.kind, term.certain)
        place = words.find(word + bar, place + 1)


def _literal(chunk: str, start: int, term: Term) -> Iterator[Leak]:
    place = chunk.find(term.name)
    while place >= 0:
        yield Leak(start + place, start + place + len(term.name), term.name, term.kind, term.certain)
        place = chunk.find(term.name, place + 1)


def _disjoint(found: Iterable[Leak]) -> list[Leak]:
    kept: list[Leak] = []
    taken: set[int] = set()
    for leak in sorted(set(found), key=lambda leak: (not leak.certain, leak.start - leak.end, leak)):
        places = range(leak.start, leak.end)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(leak)
    return sorted(kept)
