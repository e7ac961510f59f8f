"""Whether a quote stands in a text, however it was wrapped, coloured or shortened."""

from __future__ import annotations

import re
import unicodedata

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_FOLD = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "`": None})
BORDER = " \ue000 "
"""Between texts that do not stand next to each other, so that no quote runs over from one into the next."""

_ELLIPSIS = re.compile(r"\s*\[?(?:\.\.\.(?!\.)|…)\]?\s*")  # behind a full stop there are four dots


def normalise(text: str) -> str:
    """The text without what copying changes: colours, typographic quotes and dashes, back-ticks, line breaks."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    # of the characters below only the back-tick is ASCII, and NFKC changes no ASCII
    text = text.replace("`", "") if text.isascii() else unicodedata.normalize("NFKC", text).translate(_FOLD)
    return " ".join(text.replace("\\_", "_").replace("\\*", "*").split())


def quote_found(quote: str, text: str) -> bool:
    """Whether the segments of `quote` between ellipses stand in `text`, in order.

    Case counts, and so does every word.
    """
    return in_order(quote, normalise(text))


def weak(quote: str) -> bool:
    """Whether the quote is too short to prove anything: fewer than 4 words and fewer than 20 characters."""
    words = " ".join(_segments(quote))
    return len(words.split()) < 4 and len(words) < 20


def _segments(quote: str) -> list[str]:
    # split first: NFKC turns the one-character ellipsis into dots
    return [part for part in map(normalise, _ELLIPSIS.split(quote)) if part]


def in_order(quote: str, haystack: str) -> bool:
    """As `quote_found`, in a text that is normalised already."""
    parts, at = _segments(quote), 0
    for part in parts:
        at = haystack.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return bool(parts)


def agreement(quote: str, haystack: str) -> tuple[str, str]:
    """The longest beginning of `quote` that stands in a normalised text, in whole words, and what follows it there."""
    words = normalise(quote).split()
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if " ".join(words[:middle]) in haystack else (low, middle - 1)
    start = " ".join(words[:low])
    following = haystack[haystack.index(start) + len(start) :] if start else ""
    return start, following.partition(BORDER)[0].strip()
