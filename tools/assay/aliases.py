"""Neutral names for trajectories: fresh for each task, and never a word that means something else in a replay."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from assay.errors import UsageError
from assay.model.base import ID_PATTERN

_STAGES = re.compile(r"no-op|oracle|ladder-\d+")


def choose(root: Path, task: str, wanted: str | None = None, number: int = 1, used: Collection[str] = ()) -> list[str]:
    """`wanted` if it may be used, else `number` fresh aliases of two words for trajectories of `task`.

    `used` holds names that are taken besides those of existing folders.
    """
    taken = {*used, *(child.name for child in (root / "trajectories" / task).glob("*"))}
    if wanted is None:  # the same name in two tasks would suggest the same maker
        taken |= {child.name for child in (root / "trajectories").glob("*/*")}
        return _fresh(taken, number)
    if not re.fullmatch(ID_PATTERN, wanted):
        raise UsageError("bad-alias", f"an alias has lower-case letters, digits and hyphens; found `{wanted}`")
    if _STAGES.fullmatch(wanted):
        raise UsageError("bad-alias", f"`{wanted}` names a stage of every replay", "choose another --alias")
    if wanted in taken:
        raise UsageError("alias-taken", f"`{wanted}` is a trajectory of `{task}` already", "choose another --alias")
    return [wanted]


def _fresh(taken: set[str], number: int) -> list[str]:
    from coolname import generate_slug

    chosen: list[str] = []
    while len(chosen) < number:
        slug = str(generate_slug(2))
        if slug not in taken and slug not in chosen and re.fullmatch(ID_PATTERN, slug):
            chosen.append(slug)
    return chosen
