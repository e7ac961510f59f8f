"""Blinding indices against published figures and their bounds, and a workspace whose identities were opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.annotation import TrajectoryGrades
from assay.model.identity import Identity
from assay.model.sealed import Opening
from assay.pages.compose import Ranked, pages
from assay.results.annotators import agreement
from assay.results.blinding import Blinding, Guess, bang, blinding, james
from assay.sealing.maps import publish
from assay.workspace import load
from tests.rules.overlay import build

GRADES = TrajectoryGrades(rationale="r", criteria={})
TASK = "row-merge"


def answers(agent: str, **numbers: int) -> list[Guess]:
    """Guesses about one agent; `none` are those of people who do not know."""
    named = {("a" if name == "a" else "b" if name == "b" else None): number for name, number in numbers.items()}
    return [
        Guess("rater", TASK, "x", agent, answer, "", GRADES) for answer, number in named.items() for _ in range(number)
    ]


CRISP = [*answers("a", a=82, b=25, none=170), *answers("b", a=27, b=29, none=83)]
"""Participants of the Cholesterol Reduction in Seniors Program, the example of Bang, Ni and Davis (2004)."""


def test_the_published_example() -> None:
    assert james(CRISP) == pytest.approx(0.75, abs=0.005)
    treated, control = (bang([one for one in CRISP if one.agent == agent], 2) for agent in "ab")
    assert treated
    assert control
    assert [treated.value, control.value] == pytest.approx([0.21, 0.01], abs=0.005)
    assert treated.is_unblinded
    assert not control.is_unblinded
    assert (treated.right, treated.wrong, treated.unknown) == (82, 25, 170)


@pytest.mark.parametrize(
    ("guesses", "wanted"),
    [
        ([*answers("a", a=5), *answers("b", b=5)], (0.0, 1.0)),
        ([*answers("a", a=5, b=5), *answers("b", a=5, b=5)], (0.5, 0.0)),
        ([*answers("a", b=5), *answers("b", a=5)], (1.0, -1.0)),
        ([*answers("a", none=5), *answers("b", none=5)], (1.0, 0.0)),
    ],
)
def test_the_ends_of_the_scales(guesses: list[Guess], wanted: tuple[float, float]) -> None:
    index = bang([one for one in guesses if one.agent == "a"], 2)
    assert index
    assert [james(guesses), index.value] == pytest.approx([*wanted])


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([*"abcd", None])), min_size=1), st.integers(2, 9))
def test_indices_stay_on_their_scales(pairs: list[tuple[str, str | None]], arms: int) -> None:
    guesses = [replace(answers("a", a=1)[0], agent=agent, answer=answer) for agent, answer in pairs]
    index, whole = bang(guesses, arms), james(guesses)
    assert index
    assert -1 <= index.low <= index.value <= index.high <= 1
    assert index.right + index.wrong + index.unknown == len(guesses)
    assert whole is None or 0 <= whole <= 1 + 1e-9


def test_random_guesses_among_many_give_nothing() -> None:
    guesses = [replace(answers("a", a=1)[0], answer=answer) for answer in "abcd"]
    index = bang(guesses, 4)
    assert index
    assert index.value == pytest.approx(0)


def test_a_single_guess_proves_nothing() -> None:
    once, often = bang(answers("a", a=1), 2), bang(answers("a", a=20), 2)
    assert once
    assert often
    assert (once.is_unblinded, often.is_unblinded) == (False, True)


def test_nothing_is_said_without_guesses_or_without_a_choice() -> None:
    assert (bang([], 2), bang(answers("a", a=1), 1), james([])) == (None, None, None)


def opened(root: Path, *, brisk: str, calm: str) -> Blinding:
    """The base workspace with guesses, after both attempts were opened."""
    build(root)
    (sheet,) = (root / "annotations" / TASK).glob("*.yaml")
    text = sheet.read_text()
    for alias, guess in (("brisk-otter", brisk), ("calm-heron", calm)):
        asked = f'{{agent: "{guess}", confidence: 0.5, cue: "style of {guess}"}}'
        text = text.replace(f"  {alias}:\n    rationale:", f"  {alias}:\n    identity_guess: {asked}\n    rationale:")
    sheet.write_text(text)
    makers = {"brisk-otter": "Swift-Agent", "calm-heron": "other"}
    identities = {
        alias: Identity(agent=agent, model=f"v/{agent}-large", source_format="atif", source_sha256="0" * 64)
        for alias, agent in makers.items()
    }
    publish(root, Opening(format=1, task=TASK, key="0" * 64, identities=identities))
    return blinding(load(root))


def test_guesses_are_compared_with_what_was_opened(tmp_path: Path) -> None:
    found = opened(tmp_path, brisk="swift agent", calm="none")
    assert found.agents == ("Swift-Agent", "other")
    numbers = {agent: (index.right, index.wrong, index.unknown) for agent, index in found.by_agent.items()}
    assert numbers == {"Swift-Agent": (1, 0, 0), "other": (0, 0, 1)}
    assert found.cues == ("style of swift agent",)
    (profile,) = agreement(load(tmp_path)).profiles
    assert profile.guesses == found.by_annotator["rater-1"]
    assert (profile.guessed.value, profile.guessed.n) == (0.5, 2)
    whole, rest = found.scores["Swift-Agent"]
    assert whole.must_pass.total > 0
    assert rest.must_pass.total == 0
    assert found.scores["other"][0] == found.scores["other"][1]
    page = pages(load(tmp_path), Ranked(None))["quality.md"]
    assert "Swift&#45;Agent" in page
    assert "style of swift agent" in page.replace("&#32;", " ")
    hidden = pages(load(tmp_path), Ranked(None), audience="annotator")["quality.md"]
    assert "Swift" not in hidden


def test_a_model_only_one_agent_ran_names_it(tmp_path: Path) -> None:
    found = opened(tmp_path, brisk="OTHER-LARGE", calm="someone")
    assert {agent: (index.right, index.wrong) for agent, index in found.by_agent.items()} == {
        "Swift-Agent": (0, 1),
        "other": (0, 1),
    }


def test_closed_identities_say_nothing(tmp_path: Path) -> None:
    build(tmp_path)
    assert blinding(load(tmp_path)).agents == ()
    assert "Identities are not open yet" in pages(load(tmp_path), Ranked(None))["quality.md"]
