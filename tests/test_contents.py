"""Content hashes follow Harbor's recipe."""

from __future__ import annotations

import hashlib
from pathlib import Path

from assay.contents import content_hash, context_hash


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def recipe(files: dict[str, str]) -> str:
    """Sorted `path NUL sha256 of content` lines, hashed."""
    lines = [f"{name}\0{hashlib.sha256(text.encode()).hexdigest()}\n" for name, text in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


HASHED = {"task.toml": "t", "instruction.md": "i", "environment/Dockerfile": "FROM x", "steps/a/tests/test.sh": "exit"}


def test_what_harbor_hashes_and_nothing_else(tmp_path: Path) -> None:
    outside = {
        "rubric.yaml": "r",
        "user.yaml": "u",
        "calibration.json": "c",
        "tests/__pycache__/x.pyc": "p",
        "tests/a~": "b",
    }
    task = put(tmp_path, HASHED | outside)

    assert content_hash(task) == recipe(HASHED)


def test_a_gitignore_replaces_the_default_list(tmp_path: Path) -> None:
    extra = {"tests/a~": "backup", "tests/data.bin": "x", ".gitignore": "*.bin\n"}
    task = put(tmp_path, HASHED | extra)

    assert content_hash(task) == recipe(HASHED | {"tests/a~": "backup"})


def test_links_are_followed_and_modes_do_not_count(tmp_path: Path) -> None:
    task = put(tmp_path / "task", HASHED)
    before = content_hash(task)
    (task / "instruction.md").rename(tmp_path / "elsewhere.md")
    (task / "instruction.md").symlink_to(tmp_path / "elsewhere.md")
    (task / "task.toml").chmod(0o755)

    assert content_hash(task) == before


def test_a_context_is_hashed_relative_to_itself(tmp_path: Path) -> None:
    put(tmp_path, {"Dockerfile": "FROM x", "app/main.py": "1"})

    assert context_hash(tmp_path) == recipe({"Dockerfile": "FROM x", "app/main.py": "1"})
