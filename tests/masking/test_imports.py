"""`assay import` writes nothing that still tells who made it, and notes what only may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import cli
from assay.errors import ExitCode
from assay.masking.imports import judge
from assay.model.identity import Identity
from assay.model.settings import MaskPolicy
from assay.scaffold.workspace import create

TASK = "hello-milestones"
WHO = Identity(
    agent="kestrel-cli",
    model="fable-labs/fable-large-20260101",
    source_format="atif",
    source_sha256="0" * 64,
    extra={"session_id": "k7f3a9c2e1d0bAAAA", "directory": "/home/devuser/src", "tools": "{}"},
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create(tmp_path, "imports")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def log(root: Path, message: str) -> str:
    step = {"step_id": 1, "source": "user", "message": "Do it."}
    said = {"step_id": 2, "source": "agent", "message": message}
    agent = {"name": "kestrel-cli", "version": "1", "model_name": "fable-large"}
    data = {"schema_version": "ATIF-v1.6", "session_id": "s", "agent": agent, "steps": [step, said]}
    (root / "log.json").write_text(json.dumps(data), encoding="utf-8")
    return "log.json"


def test_a_certain_leak_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", log(root, "Codex CLI did it."), "--task", TASK]) == ExitCode.USAGE
    output = capsys.readouterr().err
    assert "log.json: still tells who made it: `Codex CLI` (product) in step 2" in output
    assert "hint: if it is the task's own, allow it in assay.toml" in output
    assert not (root / "trajectories" / TASK).exists()
    assert not (root / ".assay/identities" / f"{TASK}.json").exists() or "kestrel" not in (
        root / ".assay/identities" / f"{TASK}.json"
    ).read_text(encoding="utf-8")


def test_what_is_allowed_with_a_reason_is_imported(root: Path) -> None:
    with (root / "assay.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[[mask.allow]]\nterm = "codex cli"\ntask = "{TASK}"\nreason = "its subject"\n')
    assert cli.main(["import", log(root, "Codex CLI did it."), "--task", TASK]) == ExitCode.CLEAN
    assert cli.main(["check"]) == ExitCode.CLEAN


def test_a_possible_leak_is_noted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", log(root, "It needs an OpenAI account."), "--task", TASK]) == ExitCode.CLEAN
    assert "note: May tell who made it: `OpenAI` (vendor) in step 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["KestrelCLI", "fable large 20260101", "Fable-Large", "ask devuser", "session k7f3a9c2e1d0bAAAA ended"],
)
def test_the_names_of_the_log_itself_are_certain(text: str) -> None:
    verdict = judge({"tests/a.log": text.encode()}, TASK, WHO, MaskPolicy())
    assert verdict.refusal.endswith("in tests/a.log")


def test_names_that_mean_something_else_refuse_nothing() -> None:
    who = WHO.model_copy(update={"agent": "cursor", "model": "small", "extra": {"directory": "/home/agent"}})
    text = b"the cursor of a small agent, a kestrel, a fable"
    assert judge({"a.log": text}, TASK, who, MaskPolicy()).refusal == ""
