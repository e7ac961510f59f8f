"""What can be read off a message without judging it: whether it asks, and whether it claims to be done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|\n|$)")
_INDIRECT = re.compile(
    r"\b(?:please (?:tell|confirm|clarify|say)|let me know|could you (?:tell|say)|i need to know)\b", re.I
)
_WORD = re.compile(r"[^\W_]+")
_STEM = 4
"""Letters by which two words count as the same one."""
_DONE = re.compile(
    r"\b(?:done|finished|complete[d]?|all set|ready for (?:review|you)|works? now|fixed|implemented|in place"
    r"|(?:every|all)[\w ]{0,30}\bpass(?:es|ed)?)\b",
    re.I,
)
_NOT = re.compile(
    r"\b(?:not|n't|never|isn't|aren't|hasn't|haven't|before|until|unless|once|when|if|will be|to be|yet to)\b", re.I
)


@dataclass(frozen=True)
class Match:
    """What was found, and where: the text of the sentence, and its place in the message."""

    value: str
    text: str
    start: int
    end: int


def questions(message: str) -> list[Match]:
    """Sentences that end with a question mark or ask in words."""
    found = []
    for sentence in _SENTENCE.finditer(message):
        text = sentence.group().strip()
        if text.endswith("?") or _INDIRECT.search(text):
            found.append(Match("", text, sentence.start(), sentence.end()))
    return found


def asked_for(patterns: Sequence[str], message: str) -> Match | None:
    """The first question that holds every word of a pattern; words are the same when their first letters are."""
    for question in questions(message):
        words = {_stem(word) for word in _WORD.findall(question.text)}
        for pattern in patterns:
            wanted = {_stem(word) for word in _WORD.findall(pattern)}
            if wanted and wanted <= words:
                return Match(pattern, question.text, question.start, question.end)
    return None


def claims_done(message: str) -> Match | None:
    """A sentence that says the work is done, and does not say that it is not, or that it will be."""
    for sentence in _SENTENCE.finditer(message):
        text = sentence.group().strip()
        claim = _DONE.search(text)
        if claim and not text.endswith("?") and not _NOT.search(text[: claim.end()]):
            return Match(claim.group(), text, sentence.start(), sentence.end())
    return None


def _stem(word: str) -> str:
    return word.casefold()[:_STEM] if len(word) > _STEM else word.casefold()
