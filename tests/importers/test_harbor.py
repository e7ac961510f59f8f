"""Harbor's jobs become attempts with outcomes; what must not count as a failure does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay import cli
from assay.contents import content_hash
from assay.errors import ExitCode
from assay.importers.harbor_outcomes import Graded, Phase, report
from assay.model.outcome import Outcome
from assay.rules import run
from assay.workspace import Attempt, load
from tests.docker.tiny import put, write_workspace
from tests.importers.reading import FIXTURES

TASK = "tiny"
LOG = (FIXTURES / "atif/atif-1.2.json").read_text(encoding="utf-8")
TIMES = {"started_at": "2026-01-05T10:00:00Z", "finished_at": "2026-01-05T10:00:02.5Z"}
TELLING = ("kestrel", "fable", "devuser", "run-1", "trial-")


def failed(name: str) -> dict[str, str]:
    return {"exception_type": name, "exception_message": "kestrel-cli broke", "exception_traceback": "", **TIMES}


def step(name: str, reward: float | None, exception: str | None = None) -> dict[str, Any]:
    return {
        "step_name": name,
        "verifier_result": None if reward is None else {"rewards": {"reward": reward}},
        "exception_info": failed(exception) if exception else None,
        "agent_execution": TIMES,
        "verifier": TIMES,
    }


def trial(job: Path, name: str, steps: list[dict[str, Any]], *, task: str = "assay/tiny", **fields: Any) -> Path:
    """A trial as Harbor leaves it, with a log for each step that has a fixture."""
    folder = job / name
    result = {
        "trial_name": name,
        "trial_uri": f"file:///home/devuser/jobs/{name}",
        "task_name": task,
        "task_id": {"org": "assay", "name": "tiny", "ref": "1"},
        "agent_info": {
            "name": "kestrel-cli",
            "version": "3",
            "model_info": {"name": "fable-large-20260101", "provider": "fable-labs"},
        },
        "config": {"agent": {"name": "kestrel-cli", "model_name": "fable-labs/fable-large-20260101"}},
        "step_results": steps,
        **fields,
    }
    put(folder / "config.json", "{}")
    put(folder / "result.json", json.dumps(result))
    for item in steps:
        log = LOG.replace("5b0c-run-1", f"{name}-{item['step_name']}")
        put(folder / "steps" / item["step_name"] / "agent/trajectory.json", log)
        put(folder / "steps" / item["step_name"] / "verifier/test-stdout.txt", "kestrel-cli ran\n1 passed\n")
    return folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_workspace(tmp_path / "workspace")
    monkeypatch.chdir(tmp_path / "workspace")
    return tmp_path / "workspace"


def attempts(root: Path, path: str, *more: str) -> list[Attempt]:
    assert cli.main(["import", path, "--task", TASK, *more]) == ExitCode.CLEAN
    return list(load(root).attempts[TASK].values())


FAILURES: list[tuple[str | None, float | None, Phase, Outcome]] = [
    (None, 1, "verifier", "scored"),
    (None, 0, "verifier", "scored"),
    (None, None, "verifier", "invalid-verifier"),
    ("AgentTimeoutError", 1, "verifier", "timed-out"),
    ("AgentTimeoutError", 0, "verifier", "timed-out"),
    ("AgentTimeoutError", None, "agent", "invalid-verifier"),
    ("NonZeroAgentExitCodeError", 1, "verifier", "scored"),
    ("NonZeroAgentExitCodeError", None, "agent", "invalid-agent"),
    ("AgentSetupTimeoutError", None, "agent", "invalid-agent"),
    ("AgentAuthenticationError", None, "agent", "invalid-agent"),
    ("ApiRateLimitError", None, "agent", "invalid-agent"),
    ("ContextWindowExceededError", 0, "verifier", "scored"),
    ("EnvironmentStartTimeoutError", None, "environment", "invalid-environment"),
    ("CancelledError", None, "agent", "invalid-environment"),
    ("VerifierTimeoutError", 1, "verifier", "invalid-verifier"),
    ("RewardFileNotFoundError", None, "verifier", "invalid-verifier"),
    ("UnheardOfError", None, "environment", "invalid-environment"),
    ("UnheardOfError", None, "agent", "invalid-agent"),
    ("UnheardOfError", None, "verifier", "invalid-verifier"),
]


@pytest.mark.parametrize(("exception", "reward", "begun", "outcome"), FAILURES)
def test_an_exception_is_an_outcome(
    exception: str | None, reward: float | None, begun: Phase, outcome: Outcome
) -> None:
    rewards = None if reward is None else {"reward": reward}
    found = report(Graded("first", rewards, exception, begun), None)
    assert found.outcome == outcome
    assert found.passed == (None if outcome.startswith("invalid-") else reward == 1)
    assert bool(found.reason) is outcome.startswith("invalid-")


def test_min_reward_and_contradictions_count_as_everywhere() -> None:
    assert report(Graded("first", {"reward": 0.6}, None, "verifier"), 0.5).passed is True
    tests = {"ctrf.json": b'{"results": {"tests": [{"name": "a", "status": "failed"}]}}'}
    assert report(Graded("first", {"reward": 1}, None, "verifier", files=tests), None).outcome == "invalid-verifier"


def test_a_job_becomes_attempts_of_one_task(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = root.parent / "job"
    put(job / "result.json", "{}")
    whole = trial(job, "trial-a", [step("first", 1), step("second", 0)])
    put(whole / "steps/first/verifier/ctrf.json", '{"results": {"tests": [{"name": "one", "status": "passed"}]}}')
    trial(job, "trial-b", [step("first", 0, "AgentTimeoutError")])
    trial(job, "trial-c", [step("first", 1), step("second", None, "VerifierTimeoutError")])
    trial(job, "trial-d", [step("first", 1)], exception_info=failed("CancelledError"))
    trial(job, "trial-e", [], exception_info=failed("SandboxBuildFailedError"))
    trial(job, "trial-f", [step("first", 1)], task="assay/other")
    put(job / "trial-g/config.json", "{}")
    put(trial(job, "trial-h", [step("first", 1)]) / "steps/first/agent/trajectory.json", LOG[:300])

    found = attempts(root, str(job))

    said = capsys.readouterr().err
    assert "4 of 8 trials are imported" in said
    assert "trial-e: not imported: it has no trajectory (invalid-environment: the environment's image did" in said
    assert "trial-f: not imported: its task is `assay/other`" in said
    assert "trial-g: not imported: it never ended" in said
    assert "trial-h: not imported: steps/first/agent/trajectory.json:" in said
    outcomes = sorted(attempt.outcome or "" for attempt in found)
    assert outcomes == ["invalid-environment", "invalid-verifier", "scored", "timed-out"]
    scored = next(attempt for attempt in found if attempt.outcome == "scored")
    first = scored.reports["first"].record
    assert (first.passed, first.seconds, first.image, first.tests[0].name) == (True, 2.5, None, "one")
    assert scored.reports["second"].record.passed is False
    assert scored.trajectory
    marks = [step.extra["assay"]["milestone"] for step in scored.trajectory.record.steps if step.extra]
    assert list(dict.fromkeys(marks)) == ["first", "second"]
    assert {item.rule for item in run(load(root)) if item.path.startswith("trajectories")} == {"session-missing"}
    for file in (root / "trajectories").rglob("*.*"):
        text = file.read_text(encoding="utf-8").lower()
        assert not [word for word in TELLING if word in text], file
    identities = json.loads((root / f".assay/identities/{TASK}.json").read_text())["identities"]
    known = identities[scored.alias]
    assert (known["agent"], known["model"]) == ("kestrel-cli", "fable-labs/fable-large-20260101")
    assert known["extra"]["trial"] == "trial-a"


def test_what_a_reader_must_know_stands_in_the_notes(root: Path) -> None:
    job = root.parent / "job"
    folder = trial(job, "trial-a", [step("first", 0, "AgentTimeoutError")])
    put(folder / "lock.json", json.dumps({"task": {"digest": "sha256:" + "0" * 64}}))
    (attempt,) = attempts(root, str(folder), "--alias", "calm-heron")
    assert attempt.trajectory
    notes = attempt.trajectory.record.notes or ""
    assert "It was run on another version of the task" in notes
    assert "`first`: the agent ran into its time limit." in notes
    assert "not tested: `second`" in notes


def test_the_same_version_is_not_remarked_on(root: Path) -> None:
    where = {"path": "/data/tasks/tiny"}
    folder = trial(root.parent / "job", "trial-a", [step("first", 1), step("second", 1)], task="x", task_id=where)
    digest = content_hash(root / "tasks" / TASK)
    put(folder / "lock.json", json.dumps({"task": {"digest": f"sha256:{digest}"}}))
    (attempt,) = attempts(root, str(folder))
    assert attempt.trajectory
    assert "version of the task" not in (attempt.trajectory.record.notes or "")


def test_nothing_outside_a_trial_is_read(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = root.parent / "job"
    put(job / "secret/trajectory.json", LOG)
    folder = trial(job, "trial-a", [])
    (folder / "agent").symlink_to(job / "secret")
    climbing = trial(job, "trial-b", [])
    result = json.loads((climbing / "result.json").read_text())
    put(climbing / "result.json", json.dumps({**result, "step_results": [step("../../secret", 1)]}))

    assert cli.main(["import", str(job), "--task", TASK]) == ExitCode.USAGE

    said = capsys.readouterr().err
    assert "trial-a: not imported: it has no trajectory" in said
    assert "trial-b: not imported: its step `../../secret` is no milestone" in said
    assert not (root / "trajectories").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["empty"], "empty: must be the folder of a log of a known format, or of a Harbor job or trial"),
        (["job", "--format", "atif"], "job: `--format` is for log files, found a folder"),
        (["job", "--alias", "calm-heron"], "`--alias` names one attempt, found 2 logs"),
    ],
)
def test_refusals_write_nothing(
    root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "empty").mkdir()
    for name in ("trial-a", "trial-b"):
        trial(root / "job", name, [step("first", 1)])
    assert cli.main(["import", *arguments, "--task", TASK]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not (root / "trajectories").exists()
