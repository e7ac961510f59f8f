"""`assay import` in a workspace, as a person runs it."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import cli
from assay.errors import ExitCode
from assay.importers import Imported, Registry
from assay.intake import batches
from assay.scaffold.workspace import create
from assay.workspace import load
from tests.importers.reading import FIXTURES, imported

TASK = "hello-milestones"
OPENCODE = str(FIXTURES / "opencode/export.json")
OLD = str(FIXTURES / "atif/atif-1.2.json")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create(tmp_path, "imports")
    assert (tmp_path / "tasks" / TASK).is_dir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def identities(root: Path) -> dict[str, dict[str, object]]:
    data = json.loads((root / f".assay/identities/{TASK}.json").read_text())
    assert (data["format"], data["task"]) == (1, TASK)
    found: dict[str, dict[str, object]] = data["identities"]
    return found


def test_logs_become_attempts_under_fresh_aliases(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", OPENCODE, OLD, "--task", TASK]) == ExitCode.CLEAN
    output = capsys.readouterr()
    attempts = load(root).attempts[TASK]
    assert len(attempts) == 2
    trajectories = [attempt.trajectory.record for attempt in attempts.values() if attempt.trajectory]
    assert sorted(len(trajectory.steps) for trajectory in trajectories) == [4, 5]
    for alias in attempts:
        assert alias in output.out
        assert len(alias.split("-")) == 2
    assert "6,950" in output.out
    assert "warning" in output.err
    assert "1 × part `hologram` skipped" in output.err
    assert f"who made them is in .assay/identities/{TASK}.json" in output.err


def test_identities_stay_on_this_machine(root: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").unlink()  # not every workspace has ours
    assert cli.main(["import", OPENCODE, "--task", TASK, "--alias", "calm-heron"]) == ExitCode.CLEAN
    assert cli.main(["import", OLD, "--task", TASK]) == ExitCode.CLEAN
    known = identities(root)
    assert known["calm-heron"] == imported("opencode/export.json").identity.model_dump()
    assert len(known) == 2
    file = root / f".assay/identities/{TASK}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=root, check=True, capture_output=True, text=True
    )
    assert f"trajectories/{TASK}/calm-heron/trajectory.json" in status.stdout
    assert ".assay" not in status.stdout


def test_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["import", OPENCODE, "--task", TASK, "--json"]) == ExitCode.CLEAN
    (row,) = json.loads(capsys.readouterr().out)
    assert (root / row["path"]).is_file()
    assert (row["format"], row["steps"], row["calls"], row["observations"]) == ("opencode", 5, 6, 5)
    assert row["skipped"] == {"message of role `narrator`": 1, "part `hologram`": 1}
    assert not {"identity", "agent", "model"} & row.keys()


def test_a_continuation_named_too_is_not_imported_twice(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [str(FIXTURES / f"atif/atif-1.8{part}.json") for part in (".cont-1", "", ".reader")]
    assert cli.main(["import", *logs, "--task", TASK]) == ExitCode.CLEAN
    assert len(load(root).attempts[TASK]) == 1
    assert "is part of" in capsys.readouterr().err


def test_a_log_that_cannot_be_read_does_not_keep_the_others_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "cut.json").write_bytes((FIXTURES / "atif/atif-1.2.json").read_bytes()[:500])
    assert cli.main(["import", OPENCODE, "cut.json", "--task", TASK]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "error import-failed: cut.json:" in said
    assert "1 of 2 logs were not imported" in said
    assert len(load(root).attempts[TASK]) == 1


def test_an_import_that_was_interrupted_goes_on(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (FIXTURES / "atif/atif-1.2.json").read_text()
    logs = [root / f"{number:02}.json" for number in range(60)]
    for number, log in enumerate(logs):
        log.write_text(text.replace("Count the words.", f"Count {number} words."))
    read, count = Registry.read, iter(range(99))

    def interrupted(registry: Registry, path: Path, name: str | None = None) -> tuple[str, Sequence[Imported]]:
        if next(count) == 40:
            raise KeyboardInterrupt
        return read(registry, path, name)

    monkeypatch.setattr(Registry, "read", interrupted)
    assert cli.main(["import", *map(str, logs), "--task", TASK]) == ExitCode.INTERRUPTED
    assert len(load(root).attempts[TASK]) == 25
    monkeypatch.undo()
    monkeypatch.chdir(root)
    assert cli.main(["import", *map(str, logs), "--task", TASK]) == ExitCode.CLEAN
    assert capsys.readouterr().err.count("not imported again") == 25
    assert len(load(root).attempts[TASK]) == 60


@given(
    st.lists(st.sampled_from(["a.json", "a.cont-1.json", "a/s/x.json", "b.json", "b/s/x.json", "c.json"]), unique=True)
)
def test_what_may_belong_together_is_read_together(names: list[str]) -> None:
    logs = [Path("logs", name) for name in names]
    found = list(batches(logs, 1))
    assert sorted(log for batch in found for log in batch) == sorted(logs)
    if len({log.parent for log in logs}) > 1 or all(log.parent == Path("logs") for log in logs):
        assert len(found) == len({name[0] for name in names})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            [OPENCODE, "--task", "nothing"],
            "there is no task `nothing`\n  hint: tasks of this workspace: `hello-m",
        ),
        ([OPENCODE, "--task", "../tasks"], "there is no task `../tasks`"),
        ([OPENCODE, OLD, "--task", TASK, "--alias", "calm-heron"], "`--alias` names one attempt, found 2 logs"),
        ([OPENCODE, "--task", TASK, "--alias", "Calm Heron"], "found `Calm Heron`"),
        ([OPENCODE, "--task", TASK, "--alias", "calm-heron\n"], "an alias has lower-case letters"),
        ([OPENCODE, "--task", TASK, "--format", "nothing"], "there is no importer `nothing`; there are atif, opencode"),
        ([OPENCODE, "--task", TASK, "--format", "atif"], "must be an ATIF trajectory with `schema_version`"),
        (["missing.json", "--task", TASK], "missing.json"),
    ],
)
def test_refusals_write_nothing(
    root: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import", *arguments]) == ExitCode.USAGE
    assert says in capsys.readouterr().err
    assert not (root / "trajectories" / TASK).exists()


def test_the_same_log_is_one_attempt(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ["import", OPENCODE, "--task", TASK, "--alias", "calm-heron"]
    assert cli.main(again) == ExitCode.CLEAN
    assert cli.main([*again[:-2], OPENCODE]) == ExitCode.CLEAN
    assert capsys.readouterr().err.count("is the same log as `calm-heron`, not imported again") == 2
    assert len(load(root).attempts[TASK]) == 1
    assert cli.main(["import", OLD, *again[2:]]) == ExitCode.USAGE
    assert "`calm-heron` is a trajectory of" in capsys.readouterr().err
    shutil.rmtree(root / "trajectories" / TASK / "calm-heron")
    assert cli.main(again[:-2]) == ExitCode.CLEAN


def test_unreadable_identities_are_never_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / f".assay/identities/{TASK}.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"format": 1, "task": "x", "identities": 7}')
    assert cli.main(["import", OPENCODE, "--task", TASK]) == ExitCode.USAGE
    assert f".assay/identities/{TASK}.json:1:" in capsys.readouterr().err
    assert file.read_text().endswith("7}")
    assert not (root / "trajectories" / TASK).exists()
