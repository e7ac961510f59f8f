"""Workspaces with many attempts whose agents are known, made of real files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.model.identity import Identity
from assay.model.sealed import Opening
from tests.results.test_ranking import RUBRIC, TASK, annotation


@dataclass(frozen=True)
class Try:
    """One attempt: who made it, whether its tests passed, what it cost; no tokens means no trajectory."""

    agent: str
    passed: bool | None = None
    tokens: int | None = None
    model: str | None = None


Tiers = list[list[str]]


def study(
    root: Path,
    attempts: Mapping[str, Mapping[str, Try]],
    rankings: Mapping[str, Mapping[str, Tiers]],
    *,
    opened: bool = True,
    guesses: Mapping[tuple[str, str, str], str] | None = None,
    works: Mapping[tuple[str, str, str], bool] | None = None,
    categories: Sequence[str] = ("c",),
) -> Path:
    """By task: attempts by alias, and tiers by annotator. `guesses` and `works` are by task, annotator and alias."""
    root.mkdir(exist_ok=True)
    (root / "assay.toml").write_text("format = 1\n")
    for number, (task, found) in enumerate(attempts.items()):
        category = categories[number % len(categories)]
        text = TASK.format(name=task).replace('category = "c"', f'category = "{category}"')
        write(root / f"tasks/{task}/task.toml", text)
        write(root / f"tasks/{task}/rubric.yaml", RUBRIC)
        for alias, one in found.items():
            _attempt(root / f"trajectories/{task}/{alias}", one)
        for annotator, tiers in rankings.get(task, {}).items():
            aliases = [alias for tier in tiers for alias in tier]
            verdicts = {alias: (works or {}).get((task, annotator, alias), True) for alias in aliases}
            sheet = json.loads(annotation(task, annotator, tiers, verdicts))
            for alias in aliases:
                if guess := (guesses or {}).get((task, annotator, alias)):
                    sheet["grades"][alias]["identity_guess"] = {"agent": guess, "confidence": 0.9}
            write(root / f"annotations/{task}/{annotator}.yaml", json.dumps(sheet))
        if opened:
            who = {
                alias: Identity(agent=one.agent, model=one.model, source_format="atif", source_sha256="0" * 64)
                for alias, one in found.items()
            }
            opening = Opening(format=1, task=task, key="0" * 64, identities=who)
            write(root / f"trajectories/{task}/opening.json", opening.model_dump_json(by_alias=True))
    return root


def _attempt(folder: Path, one: Try) -> None:
    folder.mkdir(parents=True)
    if one.passed is not None:
        report = {"format": 1, "milestone": "only", "outcome": "scored", "passed": one.passed, "tests": []}
        report |= {"reward": float(one.passed), "exit_code": 0, "seconds": 1.0, "image": None}
        write(folder / "tests/only.json", json.dumps(report))
    steps = [{"step_id": 1, "source": "user", "message": "do"}, {"step_id": 2, "source": "agent", "message": "done"}]
    record: dict[str, object] = {
        "schema_version": "ATIF-v1.8",
        "agent": {"name": "agent", "version": "0"},
        "steps": steps,
    }
    if one.tokens is not None:
        record["final_metrics"] = {"total_prompt_tokens": one.tokens, "total_completion_tokens": 0}
    write(folder / "trajectory.json", json.dumps(record))


def write(file: Path, text: str) -> None:
    """A file with the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
