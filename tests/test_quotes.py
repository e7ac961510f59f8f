"""The quote matcher: what copying changes is accepted, what changes the meaning is not."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evidence import Evidence, normalise, quote_found, step_parts, weak
from assay.workspace import load

ROOT = Path(__file__).resolve().parents[1]

WORDS = [
    "error",
    "rows",
    "sorted",
    "before",
    "after",
    "`merge`",
    "don't",
    '"quoted"',
    "-q",
    "src/rank.py",
    "row_id",
    "[ok]",
]
WORDS += ["__init__", "*args", "x—y", "3.11", "re-run"]


def transcript(seed: int) -> str:
    """Text as terminals print it: colours, odd spacing, punctuation; no two words alike, so every span is unique."""
    chance = random.Random(seed)
    words = [f"{chance.choice(WORDS)}{number}" for number in range(1500)]
    pieces = []
    for word in words:
        coloured = f"\x1b[3{chance.randrange(8)}m{word}\x1b[0m" if chance.random() < 0.1 else word
        pieces.append(coloured + chance.choice([" ", " ", " ", "  ", "\n", "\n    "]))
    return "".join(pieces)


def spans(seed: int, count: int) -> list[str]:
    """Runs of 9 to 20 words of the transcript, as somebody copies them from a screen without colours."""
    chance = random.Random(seed + 1)
    words = re.sub(r"\x1b\[[0-9;]*m", "", transcript(seed)).split()
    lengths = [chance.randint(9, 20) for _ in range(count)]
    return [" ".join(words[at : at + n]) for n in lengths for at in [chance.randrange(len(words) - n)]]


def wrapped(quote: str, chance: random.Random) -> str:
    return "".join("\n   " if char == " " and chance.random() < 0.3 else char for char in quote)


def typographic(quote: str, chance: random.Random) -> str:
    curly = quote.replace("'", "’").replace("-", chance.choice("–—")).replace(' "', " “").replace('"', "”")
    return curly.replace("`", "") if chance.random() < 0.5 else curly.replace(" ", " `", 1)


def escaped_markdown(quote: str, chance: random.Random) -> str:
    return quote.replace("_", r"\_").replace("*", r"\*")


def elided(quote: str, chance: random.Random) -> str:
    words = quote.split()
    cut = chance.randint(2, len(words) - 4)
    dots = chance.choice([" ... ", " … ", " [...] ", "... "])
    return " ".join(words[:cut]) + dots + " ".join(words[cut + 2 :])


def one_word_changed(quote: str, chance: random.Random) -> str:
    words = quote.split()
    place = chance.randrange(len(words))
    words[place] = chance.choice([*WORDS, "not", "passed"]) + str(chance.randrange(2000, 9000))
    return " ".join(words)


def one_word_left_out(quote: str, chance: random.Random) -> str:
    words = quote.split()
    del words[chance.randrange(1, len(words) - 1)]
    return " ".join(words)


def two_words_swapped(quote: str, chance: random.Random) -> str:
    words = quote.split()
    place = chance.randrange(len(words) - 1)
    words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


@pytest.mark.parametrize("edit", [wrapped, typographic, escaped_markdown, elided])
def test_harmless_edits_of_a_quote_are_accepted(edit: object) -> None:
    assert callable(edit)
    chance, place = random.Random(3), Evidence("", (transcript(7),))
    refused = [quote for quote in spans(7, 600) if not place.contains(edit(quote, chance))]
    assert refused == []


@pytest.mark.parametrize("edit", [one_word_changed, one_word_left_out, two_words_swapped])
def test_no_changed_quote_is_accepted(edit: object) -> None:
    assert callable(edit)
    chance, place = random.Random(3), Evidence("", (transcript(7),))
    accepted = [quote for quote in spans(7, 600) if place.contains(edit(quote, chance))]
    assert accepted == []


def coloured(quote: str, chance: random.Random) -> str:
    return "".join(f"\x1b[3{chance.randrange(8)}m{char}\x1b[0m" if chance.random() < 0.1 else char for char in quote)


@pytest.fixture(scope="module")
def recorded() -> list[tuple[Evidence, str]]:
    """600 runs of 9 to 20 words, each with the place it is from, of the longest trajectory that is recorded here."""
    file = max((ROOT / "trajectories").rglob("trajectory.json"), key=lambda path: path.stat().st_size)
    attempt = load(ROOT).attempts[file.parents[1].name][file.parent.name]
    assert attempt.trajectory
    places = [Evidence("", tuple(step_parts(step))) for step in attempt.trajectory.record.steps]
    parts = [(place, part.split()) for place in places for part in place.parts if len(part.split()) > 20]
    chance, found = random.Random(11), []
    for _ in range(600):
        place, words = chance.choice(parts)
        length = chance.randint(9, 20)
        at = chance.randrange(len(words) - length + 1)
        found.append((place, " ".join(words[at : at + length])))
    return found


@pytest.mark.parametrize("edit", [wrapped, typographic, escaped_markdown, elided, coloured])
def test_harmless_edits_of_recorded_text_are_all_accepted(edit: object, recorded: list[tuple[Evidence, str]]) -> None:
    assert callable(edit)
    chance = random.Random(3)
    assert [quote for place, quote in recorded if not place.contains(edit(quote, chance))] == []


def test_no_changed_word_of_recorded_text_is_accepted(recorded: list[tuple[Evidence, str]]) -> None:
    chance, accepted = random.Random(3), []
    known = sorted({word for _, quote in recorded for word in quote.split() if "..." not in word and "…" not in word})
    for place, quote in recorded:
        words = quote.split()
        at = chance.randrange(len(words))
        other = chance.choice([word for word in known if normalise(word) not in ("", normalise(words[at]))])
        changed = " ".join([*words[:at], other, *words[at + 1 :]])
        accepted += [changed] if place.contains(changed) else []
    assert accepted == []


def test_segments_stand_in_order() -> None:
    assert quote_found("one ... three", "one two three")
    assert not quote_found("three ... one", "one two three")
    assert not quote_found("one ... one", "one two three")


@pytest.mark.parametrize("quote", ["", "...", " … ", "``"])
def test_nothing_is_not_found_anywhere(quote: str) -> None:
    assert not quote_found(quote, "anything")


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_that_matters(text: str) -> None:
    assert quote_found(normalise(text), text) == bool(
        [part for part in re.split(r"\.\.\.|…", normalise(text)) if part.strip()]
    )


@pytest.mark.parametrize(
    ("quote", "short"),
    [
        ("All tests pass", True),
        ("one two three four", False),
        ("a_rather_long_identifier", False),
        ("a ... b ... c", True),
        ("All ... tests ... pass ... now", False),
        ("12345678901234567 ...", True),
    ],
)
def test_short_quotes_are_weak(quote: str, short: bool) -> None:
    assert weak(quote) is short
