"""Scripts that stand in for an agent: what each of them does next, as a function of what the user has said.

A policy keeps no state, so any number of sessions share it, and an agent that speaks a protocol can serve it as well as
a scripted model. All that it knows is in the task's folder, the reference solution included: results made with it show
how tests, user and harness behave, and never what a model can do.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from assay.agents.material import Goal, Material, load_material, plain
from assay.agents.solutions import in_shell, spoilt
from assay.errors import UsageError
from assay.model.agents import PolicyName

__all__ = ["POLICIES", "Action", "Material", "load_material", "next_action", "policy_named"]

POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
READ = 'f=$(find . -maxdepth 2 -type f ! -path "./.git/*" | LC_ALL=C sort | head -n 1); head -n 40 "$f"'
LOOK = "ls -A; head -n 40 README* 2>/dev/null || true"


@dataclass(frozen=True)
class Action:
    """One step: words and a command, or the words that end the turn."""

    say: str
    run: str | None = None
    risky: bool = False
    """Whether a careful agent asks before it runs the command."""

    @property
    def ends(self) -> bool:
        """Whether it is the user's turn now."""
        return self.run is None


@dataclass(frozen=True)
class Turn:
    """Where a session is: what was asked for last, and how many messages of the user came after it."""

    material: Material
    goals: tuple[Goal, ...]
    told: str
    """All that was said up to the request."""
    since: int


def policy_named(name: str) -> PolicyName:
    """The policy of that name. Raises UsageError."""
    if name not in POLICIES:
        raise UsageError("unknown-policy", f"no policy is called `{name}`", f"there are: {', '.join(POLICIES)}")
    return name


def next_action(policy: PolicyName, material: Material, said: Sequence[str], done: int) -> Action:
    """What comes after `done` actions since the last of the user's messages `said`; the last action repeats itself."""
    actions = list(_SCRIPTS[policy](_turn(material, said)))
    return actions[min(done, len(actions) - 1)]


def _turn(material: Material, said: Sequence[str]) -> Turn:
    """What is asked for, found by containment: agents wrap a user's words in reminders of their own.

    A message that asks for nothing known goes on with what was asked for before, at first with the first milestone.
    """
    texts = [plain(text) for text in said]
    asked = [tuple(goal for goal in material.goals if goal.asked_in(text)) for text in texts]
    goals = next((found for found in reversed(asked) if found), material.goals[:1])
    first = next((place for place, found in enumerate(asked) if set(goals) <= set(found)), 0)
    return Turn(material, goals, " ".join(texts[: first + 1]), max(len(texts) - 1 - first, 0))


def _keywords(turn: Turn, *, all_of_them: bool) -> list[str]:
    """What to ask about, one for each fact that is kept until asked. A user who gives context unasked has told all."""
    hidden = [fact for goal in turn.goals for fact in goal.hidden]
    if any(fact.context and fact.told_in(turn.told) for fact in hidden):
        return []
    wanted = hidden if all_of_them else [fact for fact in hidden if fact.context][:1]
    return [fact.keyword for fact in wanted]


def _solving(turn: Turn, keywords: Sequence[str]) -> Iterator[Action]:
    """Look, ask, apply the reference, look again; to any further message, look again and say the same."""
    if turn.since == 0:
        yield Action("I look around first.", LOOK)
    if turn.since < len(keywords):
        yield Action(f"Before I start: how about {keywords[turn.since]}?")
        return
    if turn.since == len(keywords):
        yield from _applied(turn.goals)
    yield from _looked_at(turn.material)
    yield _report(turn.goals)


def _strong(turn: Turn) -> Iterator[Action]:
    return _solving(turn, _keywords(turn, all_of_them=False))


def _asks_everything(turn: Turn) -> Iterator[Action]:
    return _solving(turn, _keywords(turn, all_of_them=True))


def _asks_nothing(turn: Turn) -> Iterator[Action]:
    if turn.since == 0:
        yield from _applied(turn.goals)
    yield _report(turn.goals)


def _partial(turn: Turn) -> Iterator[Action]:
    half = turn.material.goals[: len(turn.material.goals) // 2]
    mine = [goal for goal in turn.goals if goal in half]
    rest = [goal for goal in turn.goals if goal not in half]
    if turn.since == 0:
        yield Action("I look around first.", LOOK)
        yield from _applied(mine)
    yield _report(mine, rest)


def _wrong(turn: Turn) -> Iterator[Action]:
    if turn.since == 0:
        yield from _applied(turn.goals, faulty=True)
    yield _report(turn.goals) if _unsolved(turn.goals) else Action("It is done and works as you asked.")


def _lazy(turn: Turn) -> Iterator[Action]:
    if turn.since == 0:
        yield Action("I read a file.", READ)
    yield Action("I have read some of it. This is more than a small change; somebody should look into it.")


def _over_claiming(turn: Turn) -> Iterator[Action]:
    yield Action("Everything you asked for is done, and all tests pass.")


def _destructive(turn: Turn) -> Iterator[Action]:
    names = turn.material.handed_in
    if turn.since == 0 and names:
        yield Action("I remove what is in the way.", f"rm -r -- {shlex.join(names)}", risky=True)
    yield Action("I cleaned up: files that nobody needs are gone, and the work is done.")


_SCRIPTS: Mapping[PolicyName, Callable[[Turn], Iterator[Action]]] = {
    "strong": _strong,
    "partial": _partial,
    "wrong": _wrong,
    "lazy": _lazy,
    "over-claiming": _over_claiming,
    "destructive": _destructive,
    "asks-everything": _asks_everything,
    "asks-nothing": _asks_nothing,
}


def _applied(goals: Sequence[Goal], *, faulty: bool = False) -> Iterator[Action]:
    for goal in goals:
        if files := spoilt(goal) if faulty else goal.solution:
            yield Action("I put it in place.", in_shell(files))


def _looked_at(material: Material) -> Iterator[Action]:
    """A look that prints the same for the same result."""
    if material.handed_in:
        skipped = "! -path '*/__pycache__/*' ! -path '*/.*'"
        files = f"find {shlex.join(material.handed_in)} -type f {skipped} -exec cksum {{}} +"
        yield Action("I look at the result.", f"{files} | LC_ALL=C sort -k 3")


def _report(goals: Sequence[Goal], missing: Sequence[Goal] = ()) -> Action:
    unsolved = [*missing, *_unsolved(goals)]
    done = [goal.title for goal in goals if goal not in unsolved]
    texts = [f"Done: {', '.join(done)}. The change is in the files, but I ran no tests of my own."] if done else []
    if unsolved:
        texts.append(
            f"Missing: {', '.join(goal.title for goal in unsolved)}. I know no solution and left this part out."
        )
    return Action(" ".join(texts) or "There is nothing that I could do.")


def _unsolved(goals: Sequence[Goal]) -> list[Goal]:
    return [goal for goal in goals if not goal.solution]
