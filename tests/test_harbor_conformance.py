"""Our task folders are Harbor's: nothing in them that it would ignore, refuse, or hash otherwise.

The table is Harbor's own list of fields, schema 1.4, written down here apart from the model that Assay reads with.
"""

from __future__ import annotations

import fnmatch
import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.contents import content_hash
from assay.scaffold.workspace import create
from tests.docker.tiny import put, write_task

ROOT = Path(__file__).parent.parent

NETWORK = "network_mode allowed_hosts"
AGENT = f"timeout_sec user {NETWORK}"
ENVIRONMENT = f"""build_timeout_sec docker_image os cpus memory_mb storage_mb gpus gpu_types tpu mcp_servers env
    skills_dir workdir healthcheck {NETWORK}"""
VERIFIER = f"timeout_sec env user environment_mode environment collect {NETWORK}"
FIELDS = {
    "": """schema_version source multi_step_reward_strategy artifacts metadata task agent solution verifier environment
        steps""",
    "task": "name version description authors keywords",
    "agent": AGENT,
    "solution": "env",
    "verifier": VERIFIER,
    "verifier.environment": ENVIRONMENT,
    "verifier.collect": "command service timeout_sec user",
    "environment": ENVIRONMENT,
    "environment.healthcheck": "command interval_sec timeout_sec start_period_sec start_interval_sec retries",
    "artifacts": "source destination exclude service",
    "steps": "name agent verifier min_reward healthcheck artifacts",
    "steps.agent": AGENT,
    "steps.verifier": VERIFIER,
    "steps.verifier.environment": ENVIRONMENT,
    "steps.artifacts": "source destination exclude service",
}
FREE = ("metadata", "environment.env", "solution.env", "verifier.env", "steps.verifier.env", "steps.min_reward")
IGNORED = ("*/__pycache__/*", "*.pyc", "*.DS_Store", "*.swp", "*.swo", "*~")


def foreign(value: Any, place: str = "") -> Iterator[str]:
    """Keys that Harbor does not know, by their dotted place."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict) or place in FREE:
            continue
        for key, inner in item.items():
            where = f"{place}.{key}".lstrip(".")
            known = FIELDS.get(place, "").split()
            yield from foreign(inner, where) if key in known else [where]


def recipe(task: Path) -> str:
    """Harbor's content hash of a folder without a .gitignore, said a second time."""
    names = ("task.toml", "instruction.md", "README.md", "trajectory.json")
    files = [task / name for name in names if (task / name).is_file()]
    for folder in ("environment", "tests", "solution", "steps"):
        files += [file for file in (task / folder).rglob("*") if file.is_file()]
    lines = {
        path: f"{path}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
        for file in files
        if not any(fnmatch.fnmatch(f"/{(path := file.relative_to(task).as_posix())}", end) for end in IGNORED)
    }
    return hashlib.sha256("".join(lines[path] for path in sorted(lines)).encode()).hexdigest()


@pytest.fixture(params=[*sorted(path.name for path in (ROOT / "tasks").iterdir() if path.is_dir()), "new", "tiny"])
def task(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Every shipped task, the one of a new workspace, and a small one."""
    if request.param == "tiny":
        return write_task(tmp_path / "tiny")
    if request.param == "new":
        create(tmp_path, "new")
        return next((tmp_path / "tasks").iterdir())
    return ROOT / "tasks" / str(request.param)


def test_harbor_knows_every_field(task: Path) -> None:
    settings = tomllib.loads((task / "task.toml").read_text(encoding="utf-8"))
    assert list(foreign(settings)) == []
    assert settings["schema_version"] == "1.4"
    assert settings["task"]["name"].count("/") == 1


def test_harbor_finds_every_file(task: Path) -> None:
    assert (task / "environment").is_dir()
    for step in tomllib.loads((task / "task.toml").read_text(encoding="utf-8"))["steps"]:
        folder = task / "steps" / step["name"]
        assert (folder / "instruction.md").read_text(encoding="utf-8").strip()
        assert (folder / "tests/test.sh").is_file() or (task / "tests/test.sh").is_file()
        assert (folder / "solution/solve.sh").is_file()
        # Harbor fills in 600 s before it would look at the task's own limit.
        assert "timeout_sec" in step["verifier"]


def test_the_folder_as_it_is_has_harbors_hash(task: Path) -> None:
    assert not (task / ".gitignore").exists()
    assert content_hash(task) == recipe(task)


def test_the_table_sees_what_is_foreign(tmp_path: Path) -> None:
    task = write_task(tmp_path / "tiny")
    text = (task / "task.toml").read_text(encoding="utf-8").replace("timeout_sec = 20", "timeout = 20\nweight = 2", 1)
    put(task / "task.toml", f"{text}\n[rubric]\nformat = 1\n")
    found = list(foreign(tomllib.loads((task / "task.toml").read_text(encoding="utf-8"))))
    assert found == ["steps.verifier.timeout", "steps.verifier.weight", "rubric"]
