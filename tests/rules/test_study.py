"""A study of two agents, four trials, and one violation of their independence at a time: each is caught by its rule."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assay.rules import run
from assay.sealing.order import turns
from assay.workspace import load
from tests.rules.overlay import build

TASK = "row-merge"
AGENTS = ("heron-code", "kestrel-cli")
ALIASES = ("brisk-otter", "calm-heron", "dry-finch", "pale-crane")
VOLUME = "c0ffee"


@dataclass
class Trial:
    """One trial as it is written down: what is open, and what is sealed."""

    agent: str
    sealed: dict[str, Any]
    predicate: dict[str, Any]
    digest: str = ""
    """Of the sealed part, when it is to be another one than it is."""
    drop: list[str] = field(default_factory=list)

    @property
    def isolation(self) -> dict[str, Any]:
        found: dict[str, Any] = self.predicate["isolation"]
        return found

    @property
    def course(self) -> dict[str, Any]:
        found: dict[str, Any] = self.predicate["course"]
        return found


def trials() -> list[Trial]:
    """Two blocks of both agents, as `assay run` writes them."""
    found = []
    for place, turn in enumerate(turns(AGENTS, "study-1", TASK, 2)):
        sealed = {
            "turn": {
                "agent": turn.agent,
                "seed": turn.seed,
                "arms": turn.arms,
                "block": turn.block,
                "place": turn.place,
            },
            "started": 1000.0 + 60 * place,
            "agent": {"session": f"ses_{place}f3a9c2e1d0b44aa"},
        }
        course = {"mode": "simulated", "seed": f"study-1/{turn.block}", "ended": "done", "turns": 2, "position": place}
        predicate = {
            "invocation": f"{place:032x}",
            "isolation": {"container": f"{place:064x}"},
            "kind": "agent",
            "course": {**course, "agent_state": []},
        }
        found.append(Trial(turn.agent, sealed, predicate))
    return found


def written(root: Path, study: list[Trial]) -> Path:
    """The study in a workspace, and its identities beside it."""
    build(root)
    folder, identities = root / "trajectories" / TASK, {}
    shutil.rmtree(root / "annotations" / TASK)
    for alias, trial in zip(ALIASES, study, strict=True):
        if not (folder / alias).exists():
            shutil.copytree(folder / ALIASES[1], folder / alias)
        text = json.dumps(trial.sealed)
        file = folder / alias / "session.json"
        session = json.loads(file.read_text())
        found = session["predicate"]
        course = {**trial.course, "sealed_sha256": trial.digest or sha256(text.encode()).hexdigest()}
        isolation = {**found["isolation"], **trial.isolation}
        session["predicate"] = {**found, **trial.predicate, "isolation": isolation, "course": course}
        for name in trial.drop:
            del session["predicate"][name]
        file.write_text(json.dumps(session))
        extra = {"session": text} if trial.sealed else {}
        about = {"source_format": "session", "source_sha256": "0" * 64, "extra": extra}
        identities[alias] = {"agent": trial.agent, **about}
    known = root / ".assay/identities" / f"{TASK}.json"
    known.parent.mkdir(parents=True)
    known.write_text(json.dumps({"format": 1, "task": TASK, "identities": identities}))
    return root


def model_by_model(study: list[Trial]) -> None:
    """All trials of one agent, then all of the other; each says that it had its turn."""
    for place, trial in enumerate(sorted(study, key=lambda trial: trial.agent)):
        trial.sealed["started"] = 1000.0 + 60 * place


def numbered_by_model(study: list[Trial]) -> None:
    """The same with positions in the order of time."""
    model_by_model(study)
    for place, trial in enumerate(sorted(study, key=lambda trial: trial.agent)):
        trial.course["position"] = place


def one_run_each(study: list[Trial]) -> None:
    """`assay run` for one agent, then `assay run` for the other."""
    for place, trial in enumerate(sorted(study, key=lambda trial: trial.agent)):
        trial.sealed |= {"started": 1000.0 + 60 * place}
        trial.sealed["turn"] |= {"arms": [trial.agent], "block": place % 2, "place": 0}
        trial.course["position"] = place


def lost_part(study: list[Trial]) -> None:
    study[0].digest = "5d3e" * 16
    study[0].sealed.clear()


def claimed_turn(study: list[Trial]) -> None:
    study[0].sealed["turn"]["place"] = 1


VIOLATIONS: dict[str, tuple[Callable[[list[Trial]], object], str]] = {
    "container twice": (lambda s: s[2].isolation.update(s[1].isolation), "session-not-unique"),
    "invocation twice": (
        lambda s: s[2].predicate.update(invocation=s[1].predicate["invocation"]),
        "session-not-unique",
    ),
    "agent's session twice": (lambda s: s[2].sealed.update(agent=s[1].sealed["agent"]), "session-reused"),
    "two images": (
        lambda s: s[2].predicate.update(image={"id": f"sha256:{'e' * 64}", "layers": [], "context_sha256": "b" * 64}),
        "session-image",
    ),
    "volume of two trials": (
        lambda s: [one.isolation.update(volumes=[VOLUME]) for one in s[:2]],
        "session-not-isolated",
    ),
    "mount": (lambda s: s[0].isolation.update(mounts=["/data"]), "session-not-isolated"),
    "network": (lambda s: s[0].isolation.update(network="bridge"), "session-not-isolated"),
    "start diff": (lambda s: s[0].isolation.update(start_diff=["/root/notes"]), "session-not-isolated"),
    "memory of an agent": (
        lambda s: s[0].course.update(agent_state=["/home/agent/.cache/notes"]),
        "session-not-isolated",
    ),
    "turn of another": (claimed_turn, "session-order"),
    "agent swapped": (lambda s: setattr(s[0], "agent", s[1].agent), "session-order"),
    "model by model": (model_by_model, "session-order"),
    "model by model, in their positions too": (numbered_by_model, "session-order"),
    "each agent in a run of its own": (one_run_each, "session-alone"),
    "sealed part edited": (lambda s: setattr(s[0], "digest", "5d3e" * 16), "session-sealed"),
    "sealed part gone": (lost_part, "session-sealed"),
    "digest gone": (lambda s: s[0].drop.append("course"), "session-sealed"),
}


def found(root: Path, study: list[Trial]) -> set[str]:
    return {item.rule for item in run(load(written(root, study)))}


def test_a_study_as_it_should_be_is_clean(tmp_path: Path) -> None:
    assert found(tmp_path, trials()) == set()


def test_trials_side_by_side_may_begin_almost_at_once(tmp_path: Path) -> None:
    study = trials()
    study[1].sealed["started"] = study[0].sealed["started"] - 0.3
    assert found(tmp_path, study) == set()


def test_a_second_run_of_the_same_study_begins_anew(tmp_path: Path) -> None:
    study = trials()
    for one, again in zip(study[:2], study[2:], strict=True):
        again.sealed["turn"], again.agent = one.sealed["turn"], one.agent
    assert found(tmp_path, study) == set()


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_violation_is_caught_by_its_rule_alone(violation: str, tmp_path: Path) -> None:
    plant, rule = VIOLATIONS[violation]
    study = trials()
    plant(study)
    assert found(tmp_path, study) == {rule}
