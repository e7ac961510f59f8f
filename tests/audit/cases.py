"""The labelled task folders: complete bases, and cases that lay a defect or a near-miss over one of them."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One table of a labels file.

    What is laid over the base, in this order: `files` (texts), `bytes` (hexadecimal),
    without `remove`; then `setup` runs in the task folder as a shell line, for what git cannot hold.
    """

    name: str
    base: str
    rules: frozenset[str]
    """Exactly the warnings and errors that an audit must find."""
    notes: frozenset[str] = frozenset()
    """Notes that it must find too."""
    line: Mapping[str, int] = field(default_factory=dict)
    """By path: where a finding must stand."""
    files: Mapping[str, str] = field(default_factory=dict)
    bytes: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    setup: str = ""


def cases() -> list[Case]:
    """Every case of every labels file, by name."""
    found: dict[str, Case] = {}
    for file in sorted(HERE.glob("labels_*.toml")):
        for name, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
            assert name not in found, f"two cases are called {name}"
            table["rules"] = frozenset(table["rules"])
            found[name] = Case(name, **table | {"notes": frozenset(table.get("notes", ()))})
    return [found[name] for name in sorted(found)]


def materialise(case: Case, parent: Path) -> Path:
    """The task folder of `case`, made in `parent`."""
    folder = parent / case.name
    shutil.copytree(HERE / "bases" / case.base, folder)
    contents = {path: text.encode() for path, text in case.files.items()}
    for path, content in (contents | {path: bytes.fromhex(text) for path, text in case.bytes.items()}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    for path in case.remove:
        (shutil.rmtree if (folder / path).is_dir() else Path.unlink)(folder / path)
    if case.setup:
        subprocess.run(["bash", "-euc", case.setup], cwd=folder, check=True, capture_output=True)
    return folder
