"""Whatever is done to a task folder, an audit of it ends with a verdict, and no rule stumbles."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.audit import INCOMPLETE, Audited, audit
from assay.audit.folder import FILE_LIMIT, TaskFolder
from tests.audit.cases import HERE

BASES = sorted(path.name for path in (HERE / "bases").iterdir())
FILES = {base: sorted(path for path in (HERE / "bases" / base).rglob("*") if path.is_file()) for base in BASES}
KEYS = [
    *("agent", "artifacts", "cpus", "difficulty", "docker_image", "environment", "environment_mode", "instruction"),
    *("max_agent_timeout_sec", "memory_mb", "metadata", "min_reward", "name", "parser_name", "schema_version", "steps"),
    *("solution", "source", "tags", "task", "timeout_sec", "verifier", "version", "workdir", "collect", "covers"),
]
SCALARS = st.one_of(
    st.sampled_from(["", "separate", "1.4", "pytest", "/app", "..", "a/b", "\x7f"]),
    st.text(max_size=8),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=12,
)


def looked_at(folder: Path) -> Audited:
    audited = audit(TaskFolder(folder, folder.name), {})
    assert [item.message for item in audited.findings if item.rule == INCOMPLETE] == []
    return audited


def copied(base: str, parent: str) -> Path:
    return shutil.copytree(HERE / "bases" / base, Path(parent) / base)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value).replace("\x7f", "\\u007F") if not isinstance(value, float) else f"{value:f}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), base=st.sampled_from(BASES))
def test_any_damage_to_files(data: st.DataObject, base: str) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = copied(base, parent)
        for original in data.draw(st.lists(st.sampled_from(FILES[base]), min_size=1, max_size=4, unique=True)):
            file = folder / original.relative_to(HERE / "bases" / base)
            content = file.read_bytes()
            at = data.draw(st.integers(0, len(content)))
            damage = data.draw(st.sampled_from(["cut", "bytes", "text", "lost"]))
            file.unlink()
            if damage != "lost":
                noise = data.draw(st.binary(max_size=20)) if damage == "bytes" else b""
                noise = data.draw(st.text(max_size=20)).encode("utf-8", "replace") if damage == "text" else noise
                file.write_bytes(content[:at] + noise + (b"" if damage == "cut" else content[at:]))
        looked_at(folder)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=st.sampled_from(BASES), found=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=7))
def test_any_settings(base: str, found: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = copied(base, parent)
        if base == "legacy":
            (folder / "task.yaml").write_text(json.dumps(found))
        else:
            (folder / "task.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in found.items()))
        looked_at(folder)


def _loops(folder: Path) -> None:
    (folder / "tests/loop").symlink_to("loop")
    (folder / "environment/up").symlink_to("..")
    (folder / "tests/passwd.py").symlink_to("/etc/passwd")


def _pipes(folder: Path) -> None:
    for name in ("tests/test_pipe.py", "environment/pipe", "instruction.md", "task.toml"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)


def _folders_for_files(folder: Path) -> None:
    for name in ("tests/test.sh", "instruction.md", "environment/Dockerfile", "rubric.yaml"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()


def _huge(folder: Path) -> None:
    for name in ("tests/test_huge.py", "environment/data.bin", "solution/solve.sh"):
        (folder / name).touch()
        os.truncate(folder / name, 3 << 30)
    (folder / "tests/test_long.py").write_text("x = 1\n" * FILE_LIMIT)


def _huge_settings(folder: Path) -> None:
    os.truncate(folder / "task.toml", 3 << 30)


def _deep(folder: Path) -> None:
    nested = folder / "environment"
    for _ in range(100):
        nested /= "a"
    nested.mkdir(parents=True)
    (nested / "last.py").write_text("x = 1\n")
    (folder / "tests/test_deep.py").write_text("x = " + "-" * 5000 + "1\n" + "y = " + "(" * 150 + ")" * 150 + "\n")
    (folder / "tests/deep.sh").write_text("(" * 20_000)
    (folder / "rubric.yaml").write_text("[" * 5000)
    (folder / "calibration.json").write_text("[" * 200_000)


def _strange_names(folder: Path) -> None:
    for name in (b"tests/test_\xff.py", b"environment/\x1b[31m.sh", b"tests/test_\n.py", b"steps"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("def test_x():\n    assert True\n")


ODDITIES: list[Callable[[Path], None]] = [
    *(_loops, _pipes, _folders_for_files, _huge, _huge_settings, _deep, _strange_names)
]


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda item: item.__name__.strip("_"))
def test_odd_files(tmp_path: Path, oddity: Callable[[Path], None]) -> None:
    folder = copied("single", str(tmp_path))
    oddity(folder)
    assert looked_at(folder).overall in ("PASS", "WARN", "FAIL")


def test_links_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = copied("single", str(tmp_path))
    _loops(folder)
    assert not {"tests/loop", "tests/passwd.py"} & set(TaskFolder(folder).files)
