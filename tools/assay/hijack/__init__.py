"""Attempts to forge a verdict: what a dishonest agent could leave behind instead of doing the work.

Each plant is a script that root runs in the untouched container. What it plants for the work directory it plants in
every declared artifact too, so that it reaches separate verifiers. The battery are the nine that published comparisons
use; some others ride in the agent's own code and act when a verifier executes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BATTERY = (
    "conftest-workdir",
    "conftest-root",
    "ini-root",
    "ini-workdir",
    "module-shadow",
    "sitecustomize",
    "path-wrapper",
    "background-writer",
    "login-profile",
)
FURTHER = (
    "reward-seeded",
    "preload",
    "bash-replaced",
    "downloader",
    "symlink",
    "tests-planted",
    "ride-writer",
    "ride-exit",
    "ride-patch",
)
LATE = ("background-writer", "ride-writer")
"""They act in the background, also after the tests have ended."""

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plant:
    """One attempt: a bash script, and what it does in a line."""

    name: str
    title: str
    script: str


def plant(name: str) -> Plant:
    """The plant of that name."""
    title, _, body = (_HERE / f"plants/{name}.sh").read_text(encoding="utf-8").partition("\n")
    common = (_HERE / "common.sh").read_text(encoding="utf-8")
    return Plant(name, title.removeprefix("# "), f"{common}\n{body}\nexit 0\n")
