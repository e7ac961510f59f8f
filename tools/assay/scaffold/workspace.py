"""A new workspace: every file of a small, complete one that passes `assay check` and `assay replay`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from assay.errors import UsageError
from assay.scaffold.schemas import schema_texts

TITLE_LINES = {"assay.toml": "title = ", "mkdocs.yml": "site_name: "}
"""How the line begins that carries the title."""


def workspace_files(title: str) -> dict[str, bytes]:
    """Path -> content of a new workspace, schemas included, in a fixed order."""
    texts = {path: source.read_bytes() for path, source in _templates(files("assay.scaffold") / "templates")}
    # JSON's string literals are TOML's and YAML's too.
    written = json.dumps(title, ensure_ascii=False)
    for path, key in TITLE_LINES.items():
        lines = texts[path].decode().split("\n")
        texts[path] = "\n".join(f"{key}{written}" if line.startswith(key) else line for line in lines).encode()
    texts |= {f"schemas/{name}": text.encode() for name, text in schema_texts().items()}
    return dict(sorted(texts.items()))


def create(folder: Path, title: str) -> list[str]:
    """Write a new workspace into `folder` and return the paths written; files that are there already stay.

    Raises UsageError, and has then changed nothing, when something else is in the way of a file.
    """
    wanted = workspace_files(title)
    in_the_way = [path for path, content in wanted.items() if _blocked(folder, path, content)]
    if in_the_way:
        raise UsageError(
            "init-conflict",
            f"{folder} has {', '.join(f'`{path}`' for path in in_the_way)} with other content; nothing was written",
            "choose an empty folder, or move these away",
        )
    written = [path for path in wanted if not (folder / path).exists()]
    for path in written:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(wanted[path])
    return written


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Path and source of every template. `dot-x` stands for `.x`: git would obey the real name inside the package."""
    for child in folder.iterdir():
        name = f".{child.name.removeprefix('dot-')}" if child.name.startswith("dot-") else child.name
        if child.is_dir():
            yield from _templates(child, f"{prefix}{name}/")
        elif not name.endswith((".pyc", "~")):
            yield f"{prefix}{name}", child


def _blocked(folder: Path, path: str, content: bytes) -> bool:
    """Whether something stands where `path` belongs: other content, a folder, or a file in place of a parent folder."""
    file = folder / path
    if file.is_file():
        return file.read_bytes() != content
    parents = [folder / parent for parent in Path(path).parents] + [*folder.parents]
    return file.exists() or file.is_symlink() or any(parent.exists() and not parent.is_dir() for parent in parents)
