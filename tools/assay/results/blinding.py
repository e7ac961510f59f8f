"""How well identities were hidden, from the guesses that annotators give after grading, once the identities are open.

James's index is one number over all answers: 1 when nobody even guesses, 0.5 when guesses are random, 0 when all are
right (James et al., Statistics in Medicine 15, 1996). Bang's is one number for each arm, here for each agent: the share
of right guesses less that of wrong ones, 0 when guesses are random, 1 when all are right (Bang, Ni and Davis,
Controlled Clinical Trials 25, 2004). It is defined for two arms. For k arms a wrong guess weighs 1/(k-1): our
generalisation, which is 0 under random guessing and Bang's own at k = 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from assay.model.annotation import TrajectoryGrades
from assay.model.identity import Identity
from assay.results.scores import Score, pool, score
from assay.results.versions import one_version
from assay.workspace import Workspace

NONE = "none"
"""The answer of somebody who does not know."""
_Z = 1.959963984540054


@dataclass(frozen=True)
class Guess:
    """One annotator's answer about one attempt whose maker is known by now."""

    annotator: str
    task: str
    alias: str
    agent: str
    answer: str | None
    """An agent of the study, another name as it was written, or None for somebody who does not know."""
    cue: str
    grades: TrajectoryGrades

    @property
    def right(self) -> bool:
        """Whether it names who it was."""
        return self.answer == self.agent


@dataclass(frozen=True)
class Bang:
    """Bang's index of one agent or one annotator, with its 95 % interval (adjusted normal approximation)."""

    value: float
    low: float
    high: float
    right: int
    wrong: int
    unknown: int

    @property
    def is_unblinded(self) -> bool:
        """Whether guesses are better than chance by more than the interval leaves open."""
        return self.low > 0


@dataclass(frozen=True)
class Blinding:
    """Everything about the guesses of a workspace."""

    agents: tuple[str, ...]
    james: float | None
    by_agent: Mapping[str, Bang]
    by_annotator: Mapping[str, Bang]
    scores: Mapping[str, tuple[Score, Score]]
    """By agent: all grades of one version of guidelines and rubric, and those without the grades of annotators who
    knew whom they were grading."""
    cues: tuple[str, ...]
    """What right guesses went by."""
    unasked: int
    """Graded attempts about which no guess was given."""


def blinding(workspace: Workspace) -> Blinding:
    """Guesses about all tasks whose identities are open; empty when none is."""
    found = list(_guesses(workspace))
    single = {(sheet.task, sheet.annotator) for sheet in one_version(workspace, over_all=True)[0].sheets}
    same = [guess for guess, _ in found if (guess.task, guess.annotator) in single]
    given = [guess for guess, asked in found if asked]
    agents = tuple(sorted({guess.agent for guess, _ in found}))
    return Blinding(
        agents=agents,
        james=james(given),
        by_agent=_grouped(given, len(agents), lambda guess: guess.agent),
        by_annotator=_grouped(given, len(agents), lambda guess: guess.annotator),
        scores={agent: _scores(workspace, [one for one in same if one.agent == agent]) for agent in agents},
        cues=tuple(dict.fromkeys(guess.cue for guess in given if guess.right and guess.cue)),
        unasked=len(found) - len(given),
    )


def right_guesses(workspace: Workspace) -> set[tuple[str, str, str]]:
    """Task, annotator and alias of every grading by somebody who knew whom they were grading."""
    return {(guess.task, guess.annotator, guess.alias) for guess, _ in _guesses(workspace) if guess.right}


def bang(guesses: Iterable[Guess], arms: int) -> Bang | None:
    """Bang's index over guesses with `arms` possible answers; None without guesses, or when there is no choice.

    For the interval one right and one wrong answer are added (after Agresti and Caffo, The American Statistician 54,
    2000): otherwise a single guess would prove anything.
    """
    values = [1.0 if one.right else 0.0 if one.answer is None else -1 / (arms - 1) for one in guesses if arms > 1]
    if not values:
        return None
    value = sum(values) / len(values)
    more = [*values, 1.0, -1 / (arms - 1)]
    mean = sum(more) / len(more)
    half = _Z * sqrt(max(sum(item * item for item in more) / len(more) - mean * mean, 0) / len(more))
    low, high = max(min(mean - half, value), -1.0), min(max(mean + half, value), 1.0)
    right, unknown = values.count(1.0), values.count(0.0)
    return Bang(value, low, high, right, len(values) - right - unknown, unknown)


def james(guesses: Sequence[Guess]) -> float | None:
    """James's index; None without answers, or when chance agreement cannot be told."""
    if not guesses:
        return None
    total, known = len(guesses), [guess for guess in guesses if guess.answer is not None]
    silent = 1 - len(known) / total
    if not known:
        return 1.0
    observed = sum(not guess.right for guess in known) / len(known)
    truths, answers = _shares(one.agent for one in known), _shares(str(one.answer) for one in known)
    expected = 1 - sum(share * answers.get(agent, 0.0) for agent, share in truths.items())
    if expected == 0:
        return None
    return (1 + silent + (1 - silent) * (observed - expected) / expected) / 2


def _shares(names: Iterable[str]) -> dict[str, float]:
    listed = list(names)
    return {name: listed.count(name) / len(listed) for name in listed}


def _guesses(workspace: Workspace) -> Iterator[tuple[Guess, bool]]:
    """Every graded attempt whose maker is known, and whether a guess was given."""
    known = {task: entry.record.identities for task, entry in workspace.openings.items()}
    names = _names(identity for identities in known.values() for identity in identities.values())
    for sheet in workspace.sheets:
        if sheet.entry is None:
            continue
        for alias, graded in sheet.entry.record.grades.items():
            if (identity := known.get(sheet.task, {}).get(alias)) is None:
                continue
            said = graded.identity_guess
            silent = said is None or said.agent.casefold() == NONE
            answer = None if silent or said is None else names.get(_squash(said.agent), said.agent)
            cue = said.cue if said else ""
            yield Guess(sheet.annotator, sheet.task, alias, identity.agent, answer, cue, graded), said is not None


def _names(identities: Iterable[Identity]) -> dict[str, str]:
    """The agent that a guess means: by its own name, or by a model that only it was run with."""
    agents: dict[str, set[str]] = {}
    for identity in identities:
        models = (identity.model or "").split(", ")
        for name in (identity.agent, *models, *(model.rpartition("/")[2] for model in models)):
            agents.setdefault(_squash(name), set()).add(identity.agent)
    own = {name: agent for name, found in agents.items() if name and len(found) == 1 for agent in found}
    return {**own, **{_squash(agent): agent for found in agents.values() for agent in found}}


def _squash(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _grouped(guesses: Sequence[Guess], arms: int, key: Callable[[Guess], str]) -> dict[str, Bang]:
    groups: dict[str, list[Guess]] = {}
    for guess in guesses:
        groups.setdefault(key(guess), []).append(guess)
    return {name: index for name in sorted(groups) if (index := bang(groups[name], arms))}


def _scores(workspace: Workspace, guesses: Sequence[Guess]) -> tuple[Score, Score]:
    def scored(chosen: Iterable[Guess]) -> Score:
        return pool(_score(workspace, guess) for guess in chosen)

    return scored(guesses), scored(guess for guess in guesses if not guess.right)


def _score(workspace: Workspace, guess: Guess) -> Score:
    task = workspace.tasks.get(guess.task)
    return score(task.rubric.record, [guess.grades]) if task and task.rubric else pool(())
