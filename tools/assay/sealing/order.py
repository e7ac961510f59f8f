"""Which agent is next: trials of a task come in blocks, each agent once in a block, in an order drawn from a seed.

Randomised complete blocks (Fisher, The Design of Experiments, 1935, section 26): what changes over time, such as a
machine that gets busier, falls on all agents alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256


def block(agents: Sequence[str], seed: str, task: str, number: int) -> list[str]:
    """The order of `agents` in the block with that number."""

    def rank(agent: str) -> bytes:
        return hmac.digest(seed.encode(), f"{task}\0{number}\0{agent}".encode(), sha256)

    return sorted(agents, key=rank)


@dataclass(frozen=True)
class Turn:
    """Whose turn it is, and what shows that the seed decided it."""

    agent: str
    seed: str
    arms: tuple[str, ...]
    block: int
    place: int

    def follows(self, task: str) -> bool:
        """Whether the seed gives this agent this place."""
        order = block(self.arms, self.seed, task, self.block)
        return 0 <= self.place < len(order) and order[self.place] == self.agent


def turns(agents: Sequence[str], seed: str, task: str, blocks: int, first: int = 0) -> list[Turn]:
    """All agents `blocks` times each, beginning with the block numbered `first`."""
    arms = tuple(sorted(set(agents)))
    return [
        Turn(agent, seed, arms, number, place)
        for number in range(first, first + blocks)
        for place, agent in enumerate(block(arms, seed, task, number))
    ]


def drawn(agents: Sequence[str], key: str, task: str, position: int) -> Turn:
    """Who comes at a position, for somebody who may not know: `key` is secret."""
    arms = tuple(sorted(set(agents)))
    number, place = divmod(position, len(arms))
    return turns(arms, key, task, 1, number)[place]


def presented(aliases: Sequence[str], seed: str, task: str, annotator: str) -> list[str]:
    """The order in which somebody sees the attempts at a task: another one for everybody, the same each time.

    Over many annotators no attempt is always first, so what comes of sitting long falls on all alike.
    """

    def rank(alias: str) -> bytes:
        return hmac.digest(seed.encode(), f"present\0{task}\0{annotator}\0{alias}".encode(), sha256)

    return sorted(aliases, key=rank)
