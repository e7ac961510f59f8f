"""Puts generated pages into the docs folder beside hand-written ones, and touches only what changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from assay.errors import UsageError

DOCS = "site"
ASSETS = "assets/assay"
MARK = "---\ngenerated: assay\n"
"""How a generated page begins; a page that begins otherwise was written by a person and is never touched."""
SCRIPT_MARK = "/* generated: assay */\n"
"""The same for a script with data."""
LOG = "trajectory.json"
"""A log as it is in the workspace: where one lies among the pages, it was put there."""
_MARKS = {".js": SCRIPT_MARK, ".json": '{\n  "generated": "assay"', ".csv": "of,"}
_GENERATED = (
    *(f"{name}.md" for name in ("index", "ranking", "quality", "rules", "work", "guidelines", "commands")),
    *("ranking.json", "ranking.csv", f"trajectories/*/*/{LOG}"),
    *(f"{folder}/**/*.{kind}" for folder in ("tasks", "trajectories", "compare", "grade") for kind in ("md", "js")),
)


@dataclass(frozen=True)
class Written:
    """How many files were changed, removed, and left as they were."""

    changed: int
    removed: int
    kept: int


def write(docs: Path, pages: Mapping[str, str], same: Collection[str] = ()) -> Written:
    """Make the generated part of `docs` equal to `pages` and the packaged assets; `same` are known to be equal.

    Raises UsageError when a hand-written page stands where a generated one belongs.
    """
    known = {docs / path for path in same}
    wanted = {docs / path: text.encode() for path, text in pages.items()}
    for file in wanted.keys() - known:
        if file.exists() and not _is_generated(file):
            name = file.relative_to(docs).as_posix()
            message = f"`{docs.name}/{name}` is written by hand, where a generated page belongs"
            raise UsageError("page-in-the-way", message, "rename it")
    wanted.update({docs / ASSETS / name: content for name, content in assets()})
    stale = [file for file in _existing(docs, known) if file not in wanted]
    others = ((file, content) for file, content in wanted.items() if file not in known)
    changed = [file for file, content in others if not file.is_file() or file.read_bytes() != content]
    for file in stale:
        file.unlink()
        _remove_empty(file.parent, docs)
    for file in changed:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wanted[file])
    return Written(len(changed), len(stale), len(wanted) - len(changed))


def assets() -> Iterator[tuple[str, bytes]]:
    """Name and content of the style sheet, the scripts and the pictures in the package."""
    for item in sorted(files("assay.pages").joinpath("assets").iterdir(), key=lambda item: item.name):
        if item.is_file():
            yield item.name, item.read_bytes()


def _existing(docs: Path, known: Collection[Path]) -> Iterator[Path]:
    """Generated files of an earlier run, but for those that are `known`."""
    for pattern in _GENERATED:
        found = (file for file in docs.glob(pattern) if file not in known)
        yield from (file for file in found if file.is_file() and _is_generated(file))
    yield from (file for file in (docs / ASSETS).glob("*") if file.is_file())


def _is_generated(file: Path) -> bool:
    mark = "" if file.name == LOG else _MARKS.get(file.suffix, MARK)
    with file.open("rb") as stream:
        return stream.read(len(mark)) == mark.encode()


def _remove_empty(folder: Path, docs: Path) -> None:
    while folder != docs and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
