"""`assay audit` as a person runs it: what it finds, prints and answers, on folders of every shape."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import assay.audit
from assay.audit import INCOMPLETE
from assay.audit.folder import TaskFolder
from assay.audit.sets import audit_all, places
from assay.cli import main
from assay.scaffold.workspace import create
from bench.corpus import generate
from tests.audit.cases import HERE

BASES = HERE / "bases"


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One sound task, one with a warning, one that fails and one that cannot be read, at several depths."""
    shutil.copytree(BASES / "single", tmp_path / "set/easy/sound")
    shutil.copytree(BASES / "shared", tmp_path / "set/easy/deeper/warned")
    shutil.copytree(BASES / "steps", tmp_path / "set/failed")
    (tmp_path / "set/failed/steps/clean-readings/instruction.md").unlink()
    shutil.copytree(BASES / "legacy", tmp_path / "set/broken")
    (tmp_path / "set/broken/task.yaml").write_text("instruction: [\n")
    (tmp_path / "set/notes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "set"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["audit", *args])
    out, err = capsys.readouterr()
    return code, out, err


def test_text(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "set")
    assert code == 1
    lines = out.splitlines()
    assert [line for line in lines if line.startswith(("PASS", "WARN", "FAIL"))] == [
        *("FAIL broken", "WARN warned", "PASS sound", "FAIL failed")
    ]
    assert lines[1].startswith("set/broken/task.yaml:")
    assert "error task-unreadable: " in lines[1]
    assert lines[-1] == "4 tasks: 2 FAIL, 1 WARN, 1 PASS. `assay explain RULE` says more about a rule."
    assert "     1  error    task-incomplete" in lines


def test_json_and_csv(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "set", "--format", "json")
    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 1
    assert [(row["task"], row["overall"], row["static"], row["behavioural"]) for row in rows] == [
        ("broken", "FAIL", "FAIL", None),
        ("warned", "WARN", "WARN", None),
        ("sound", "PASS", "PASS", None),
        ("failed", "FAIL", "FAIL", None),
    ]
    finding = rows[3]["findings"][0]
    assert finding.keys() >= {"rule", "severity", "path", "line", "message"}
    assert (finding["rule"], finding["path"], finding["line"]) == ("task-incomplete", "set/failed/task.toml", 30)
    _, out, _ = run(capsys, "set", "--format", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [(row["task"], row["overall"]) for row in table] == [(row["task"], row["overall"]) for row in rows]
    assert table[3]["findings"] == "task-incomplete=1"
    assert table[2]["findings"] == ""


def test_warnings_alone_are_exit_code_0(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "set/easy")[0] == 0
    assert run(capsys, "set/easy/deeper/warned", "set/easy/sound")[0] == 0


def test_tasks_of_one_name_are_called_by_their_paths(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(corpus / "easy/sound", corpus / "other/sound")
    _, out, _ = run(capsys, "set/easy/sound", "set/other", "set/easy", "--format", "csv")
    assert [line.partition(",")[0] for line in out.splitlines()[1:]] == [
        *("set/easy/sound", "set/other/sound", "warned")
    ]


def test_a_policy_changes_severities(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.toml").write_text('[rules]\nverifier-shared = "error"\ntask-incomplete = "off"\n')
    code, out, _ = run(capsys, "set/easy", "set/failed", "--policy", "policy.toml", "--format", "csv")
    assert code == 1
    assert out.splitlines()[1:] == ["warned,FAIL,verifier-shared=1", "sound,PASS,", "failed,PASS,"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[rules]\nverifier-shred = "off"\n', "policy.toml:2:1: there is no rule `verifier-shred`"),
        ('[rules]\nverifier-shared = "fatal"\n', "policy.toml:2:19: error schema: `verifier-shared` must be one of"),
        ("[rules\n", "policy.toml:1:"),
    ],
)
def test_a_policy_that_says_nothing_is_refused(
    corpus: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    Path("policy.toml").write_text(text)
    code, out, err = run(capsys, "set", "--policy", "policy.toml")
    assert (code, out) == (2, "")
    assert said in err


def test_a_workspace_gives_its_policy_and_its_tasks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path, "study")
    monkeypatch.chdir(tmp_path / "tasks")
    code, out, _ = run(capsys, "--format", "csv")
    assert (code, out.splitlines()[1:]) == (0, ["hello-milestones,PASS,"])
    shutil.copytree(BASES / "shared", tmp_path / "tasks/shared")
    with (tmp_path / "assay.toml").open("a") as file:
        file.write('[rules]\nverifier-shared = "error"\n')
    assert run(capsys, "--format", "csv")[1].splitlines()[2] == "shared,FAIL,verifier-shared=1"
    assert main(["check"]) == 1, "the foreign task is not one of ours"
    assert "settings-unknown-rule" not in capsys.readouterr().out


def test_nothing_to_audit_is_said(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no task in `set/notes`" in run(capsys, "set/notes")[2]
    assert "`nowhere` is not a folder" in run(capsys, "nowhere")[2]
    assert run(capsys, "set/notes")[0] == run(capsys, "nowhere")[0] == run(capsys)[0] == 2


def test_near_duplicates_and_a_corpus(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(corpus / "easy/sound", corpus / "easy/twin")
    text = (corpus / "easy/deeper/warned/instruction.md").read_text()
    Path("published.jsonl").write_text(json.dumps({"id": "exercise-7", "instruction": text}) + "\n")
    code, out, _ = run(capsys, "set/easy", "--corpus", "published.jsonl")
    assert code == 0
    assert "set/easy/sound/instruction.md:1:1: warning task-near-duplicate: reads like `set/easy/twin`" in out
    assert "set/easy/twin/instruction.md:1:1: warning task-near-duplicate: reads like `set/easy/sound`" in out
    assert "warned/instruction.md:1:1: warning task-contaminated: reads like `exercise-7` of the corpus" in out
    assert run(capsys, "set/easy", "--corpus", "absent.jsonl")[0] == 2


def test_a_terminal_obeys_nothing_in_a_task(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "easy/sound/task.toml").write_text('"\\u001b]0;owned\\u0007" = 1\n')
    _, out, _ = run(capsys, "set/easy/sound")
    assert "\x1b" not in out
    assert "\\x1b]0;owned\\x07" in out


def test_a_set_with_one_difficulty_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(10):
        shutil.copytree(BASES / "single", tmp_path / f"task-{number}")
    assert "difficulty-uniform: all 10 tasks declare `easy`" in run(capsys, str(tmp_path))[1]
    _, out, err = run(capsys, str(tmp_path), "--format", "json")
    assert len(json.loads(out)) == 10
    assert "difficulty-uniform" in err


def test_a_task_that_ends_its_reader_does_not_end_the_audit(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(folder: TaskFolder) -> Any:
        if folder.name == "failed":
            os.kill(os.getpid(), signal.SIGKILL)
        return iter(())

    monkeypatch.setitem(assay.audit._CHECKS, "task-incomplete", deadly)  # a parser that crashes is not at hand
    found = [item.audited for item in audit_all(places([(corpus, "set")]), {}, 2)]
    assert [item.task for item in found] == ["broken", "warned", "sound", "failed"]
    assert [finding.rule for finding in found[3].findings] == [INCOMPLETE]
    assert [item.overall for item in found] == ["FAIL", "WARN", "PASS", "WARN"]


@pytest.mark.parametrize("killed", [False, True], ids=["interrupted", "killed"])
def test_no_process_outlives_an_audit(tmp_path: Path, killed: bool) -> None:
    generate(tmp_path / "set", 200)
    command = [sys.executable, "-m", "assay", "audit", "set", "--jobs", "2"]
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        _until(lambda: len(children.read_text().split()) == 2)
        if killed:
            started.kill()
        else:
            os.killpg(started.pid, signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert (started.returncode, err.strip()) == ((-9, b"") if killed else (130, b"interrupted"))
    _until(lambda: not _running(started.pid))


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "waited for 20 s"
        time.sleep(0.05)


def _running(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_explain_knows_task_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "verifier-shared"]) == 0
    assert capsys.readouterr().out.startswith("verifier-shared (warning)\n")
