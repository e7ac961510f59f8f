"""Task folders of others, run as they are: Harbor without milestones, and Terminal-Bench."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.executors.docker import Engine
from assay.model.outcome import Stage
from assay.replay.stages import plans, run_stage
from assay.replay.subjects import subject
from assay.verification.preparation import prepare
from tests.docker.test_hijack import DOCKERFILE
from tests.docker.tiny import put

BASES = Path(__file__).parents[1] / "audit/bases"
IMAGE = DOCKERFILE.partition("WORKDIR")[0]

HARBOR = """\
version = "1.0"
[metadata]
anything = "goes"
[verifier]
timeout_sec = 20.0
timeout_secs = 5
{verifier}
[environment]
allow_internet = false
"""


def stages(engine: Engine, folder: Path, store: Path) -> dict[str, Stage]:
    """The untouched stage and the one with all solutions, of any task folder."""
    ready = prepare(engine, subject(folder, store))
    wanted = [plan for plan in plans(ready.task) if plan.kind != "ladder"]
    return {plan.name: run_stage(engine, ready, plan).stage for plan in wanted}


def base(name: str, into: Path) -> Path:
    """A clean foreign task, on the image that the other tests use."""
    folder = into / name
    shutil.copytree(BASES / name, folder)
    file = next(path for path in (folder / "environment/Dockerfile", folder / "Dockerfile") if path.is_file())
    copies = [line for line in file.read_text().splitlines() if line.startswith(("WORKDIR", "COPY"))]
    put(file, IMAGE + "\n".join(copies) + "\n")
    return folder


@pytest.mark.parametrize("name", ["single", "shared", "steps", "legacy"])
def test_a_clean_task_of_each_format_is_proven(engine: Engine, tmp_path: Path, name: str) -> None:
    found = stages(engine, base(name, tmp_path), tmp_path / "store")

    assert {name: (stage.outcome, stage.holds) for name, stage in found.items()} == {
        "no-op": ("scored", True),
        "oracle": ("scored", True),
    }


def harbor(folder: Path, verifier: str, test: str) -> Path:
    """A small task of Harbor 1.0 with a key that nobody knows, in the image's own work directory."""
    put(folder / "task.toml", HARBOR.format(verifier=verifier))
    put(folder / "instruction.md", "Say one.\n")
    put(folder / "environment/Dockerfile", "FROM debian:bookworm-slim\nWORKDIR /srv/work\n")
    put(folder / "solution/solve.sh", "echo one > one.txt; cp one.txt /logs/artifacts/\n")
    put(folder / "tests/test.sh", test)
    return folder


def test_what_harbor_tolerates_and_fills_in(engine: Engine, tmp_path: Path) -> None:
    test = "grep -q one /srv/work/one.txt && [ $PWD = /srv/work ] && r=1 || r=0; echo $r > /logs/verifier/reward.txt\n"
    found = stages(engine, harbor(tmp_path / "Task 1", "", test), tmp_path / "store")

    assert [found["no-op"].holds, found["oracle"].holds] == [True, True], found["oracle"].reason
    assert list(found["oracle"].expected) == ["task"]


def test_a_separate_verifier_sees_what_was_left_in_the_folder_for_artifacts(engine: Engine, tmp_path: Path) -> None:
    test = (
        "[ ! -e /srv/work/one.txt ] && grep -q one /logs/artifacts/one.txt && r=1 || r=0\n"
        "echo $r > /logs/verifier/reward.txt\n"
    )
    found = stages(engine, harbor(tmp_path / "t", 'environment_mode = "separate"', test), tmp_path / "store")

    assert [found["no-op"].holds, found["oracle"].holds] == [True, True], found["oracle"].reason


def test_a_verifier_with_an_image_of_its_own_has_its_tests_there(engine: Engine, tmp_path: Path) -> None:
    folder = harbor(tmp_path / "t", '[verifier.environment]\nworkdir = "/opt"\n', "exit 9\n")
    check = "[ $PWD = /opt ] && [ -e /logs/artifacts/one.txt ] && r=1 || r=0; echo $r > /logs/verifier/reward.txt"
    put(
        folder / "tests/Dockerfile", f"FROM debian:bookworm-slim\nRUN mkdir /tests && echo '{check}' > /tests/test.sh\n"
    )

    found = stages(engine, folder, tmp_path / "store")

    assert [found["no-op"].holds, found["oracle"].holds] == [True, True], found["oracle"].reason
    assert found["oracle"].reports[0].image != prepare(engine, subject(folder, tmp_path)).image.record.id


@pytest.mark.parametrize(
    ("test", "outcome"),
    [
        ("import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('not here - never')\n", "scored"),
        ("def helper(): pass\n", "invalid-verifier"),
    ],
)
def test_terminal_bench_without_a_pass_of_every_test_is_not_passed(
    engine: Engine, tmp_path: Path, test: str, outcome: str
) -> None:
    folder = base("legacy", tmp_path)
    put(folder / "tests/test_outputs.py", test)

    oracle = stages(engine, folder, tmp_path / "store")["oracle"]

    assert (oracle.outcome, bool(oracle.reports[0].passed)) == (outcome, False)


def test_a_solution_of_commands_is_typed(engine: Engine, tmp_path: Path) -> None:
    folder = base("legacy", tmp_path)
    command = (folder / "solution.sh").read_text().splitlines()[-1]
    (folder / "solution.sh").unlink()
    put(folder / "solution.yaml", f"- command: |-\n    {command}\n  min_timeout_sec: 1\n")

    assert stages(engine, folder, tmp_path / "store")["oracle"].holds is True


def test_names_that_are_no_ids_are_changed_in_a_copy(tmp_path: Path) -> None:
    folder = base("steps", tmp_path)
    put(folder / "task.toml", (folder / "task.toml").read_text().replace('"daily-means"', '"Daily_Means.2"'))
    (folder / "steps/daily-means").rename(folder / "steps/Daily_Means.2")

    task = subject(folder, tmp_path / "store")

    assert task.milestones == ("clean-readings", "daily-means-2")
    assert (task.folder / "steps/daily-means-2/instruction.md").is_file()
    assert (folder / "steps/Daily_Means.2").is_dir()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("task.yaml", "instruction: x\ndifficulty: easy\nparser_name: swebench\n", "`parser_name` must be `pytest`"),
        ("task.yaml", "instruction: x\ndifficulty: easy\nrun_tests_in_same_shell: true\n", "the agent's own shell"),
        ("task.yaml", "instruction: [\n", "line 2"),
        ("docker-compose.yaml", "services:\n  a: {image: x}\n  b: {image: y}\n", "exactly one service"),
        ("docker-compose.yaml", "services:\n  a: {build: ., privileged: true}\n", "`privileged` is not supported"),
        ("docker-compose.yaml", "services:\n  a: {build: ., command: ./serve}\n", "replays start no services"),
    ],
)
def test_what_cannot_be_run_is_refused_with_file_and_reason(tmp_path: Path, file: str, text: str, reason: str) -> None:
    folder = base("legacy", tmp_path)
    put(folder / file, text)

    with pytest.raises(UsageError, match=f"{file}: ") as caught:
        subject(folder, tmp_path / "store")
    assert reason in caught.value.message
