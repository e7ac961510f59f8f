"""`assay export`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay import __version__
from assay.commands.findings import demand_clean
from assay.errors import ExitCode
from assay.export.selection import WISHES, trajectory_of
from assay.workspace import Workspace, find_root, load

if TYPE_CHECKING:
    from assay.export.card import About
    from assay.export.reading import Records
    from assay.export.selection import Selection


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--with", "wishes", multiple=True, type=click.Choice(WISHES), help="Let out what stays otherwise; repeatable."
)
@click.option("--handles", is_flag=True, help="Name annotators by their handles instead of numbers.")
@click.option("--verify", is_flag=True, help="Read the data set in FOLDER back instead: digests and records.")
def command(folder: Path, wishes: tuple[str, ...], handles: bool, verify: bool) -> None:
    """Write a data set that trains models: Parquet and JSON Lines with a card, Croissant and a manifest.

    Left out, and named, are quarantined tasks, dry runs of policies, attempts whose outcome is invalid, annotations
    under other guidelines or another rubric than the rest of their task (`versions`), and pairs and labels on which
    annotators contradict each other, unless `--with` asks for them. Annotations that are sealed and not revealed cannot
    leave. Refuses while `assay check` reports errors.

    \b
    Examples:
      assay export build/dataset
      assay export build/dataset --with unadjudicated --handles
      assay export build/dataset --verify
    """
    workspace = load(find_root(Path.cwd()))
    if verify:
        _verify(workspace, folder)
        return
    demand_clean(workspace, "nothing exported")
    from assay.export.selection import select

    selection = select(workspace, wishes, handles)
    asked = {"with": sorted(set(wishes)), "handles": handles}
    _write(workspace, folder, selection, asked)


def _write(workspace: Workspace, folder: Path, selection: Selection, asked: Mapping[str, object]) -> None:
    from assay.export.card import card
    from assay.export.croissant import FILE, croissant
    from assay.export.training import unused
    from assay.export.writing import Part, write

    about = _about(workspace, selection)
    left_out = [*selection.left_out, *(item for chosen in selection.tasks for item in unused(chosen))]

    public = left_out if asked["handles"] else [item.unnamed() for item in left_out]

    def texts(parts: list[Part], digests: Mapping[str, str]) -> Mapping[str, str]:
        return {"README.md": card(about, parts, public), FILE: croissant(about, parts, digests)}

    parts = write(folder, selection.tasks, {**asdict(about), **asked, "left_out": [vars(i) for i in public]}, texts)
    for name in dict.fromkeys(part.table for part in parts):
        rows = {part.split: part.rows for part in parts if part.table == name}
        click.echo(f"{name}: {', '.join(f'{number} {split}' for split, number in rows.items())}")
    for item in left_out:
        click.echo(f"left out: {item.what}: {item.reason}")
    click.echo(f"{folder}: {about.tasks} tasks, {about.trajectories} attempts. next: read {folder / 'README.md'}")


def _about(workspace: Workspace, selection: Selection) -> About:
    from assay.export.card import About

    settings, commit, date = workspace.settings, *_version(workspace.root)
    records = [
        *(chosen.rubric.model_dump_json() for chosen in selection.tasks),
        *(trajectory_of(a).model_dump_json() for chosen in selection.tasks for a in chosen.attempts.values()),
        *(record.model_dump_json() for chosen in selection.tasks for record in chosen.annotations),
        *(ran.record.model_dump_json() for chosen in selection.tasks for ran in chosen.runs),
    ]
    return About(
        title=settings.title,
        version=__version__,
        commit=commit,
        published=date,
        content=sha256("\0".join(records).encode()).hexdigest(),
        license=settings.export.license,
        canary=str(uuid.uuid5(uuid.NAMESPACE_URL, f"assay canary {settings.title} {settings.seed}")),
        tasks=len(selection.tasks),
        trajectories=sum(len(chosen.attempts) for chosen in selection.tasks),
        annotators=len({record.annotator for chosen in selection.tasks for record in chosen.annotations}),
    )


def _version(root: Path) -> tuple[str, str]:
    """The checked-out commit and its date; without git, or before the first commit, that nothing is known."""
    from assay.repository import GitError, is_versioned, read_git

    with suppress(GitError):
        if is_versioned(root):
            commit, date = read_git(root, "log", "-1", "--format=%H %cs").split()
            return commit, date
    return "none", "1970-01-01"


def _verify(workspace: Workspace, folder: Path) -> None:
    """Raises SystemExit when the records of the data set are not those of this workspace."""
    from assay.export.reading import manifest_of, records
    from assay.export.selection import select

    manifest = manifest_of(folder)
    there = records(folder)
    here = select(workspace, manifest["with"], manifest["handles"])
    differs = list(_differences(here, there))
    for line in differs:
        click.echo(line, err=True)
    click.echo(f"{folder}: {len(manifest['sha256'])} files are as they were written; {_agreed(there, differs)}")
    if differs:
        raise SystemExit(ExitCode.FINDINGS)


def _agreed(there: Records, differs: Sequence[str]) -> str:
    counts = (
        f"{len(there.rubrics)} rubrics, {len(there.trajectories)} trajectories, "
        f"{len(there.annotations)} annotations, {len(there.runs)} runs"
    )
    return f"{counts} read back, {len(differs)} differ from this workspace"


def _differences(here: Selection, there: Records) -> Iterator[str]:
    rubrics = {chosen.task.id: chosen.rubric for chosen in here.tasks}
    logs = {(c.task.id, alias): trajectory_of(a) for c in here.tasks for alias, a in c.attempts.items()}
    annotations = {(record.task, record.annotator): record for c in here.tasks for record in c.annotations}
    runs = {(r.record.task, r.record.annotator, f"run:{r.name}"): r for c in here.tasks for r in c.runs}
    kinds: Iterable[tuple[str, Mapping[Any, object], Mapping[Any, object]]] = (
        ("rubric", rubrics, there.rubrics),
        ("trajectory", logs, there.trajectories),
        ("annotation", annotations, there.annotations),
        ("run", runs, there.runs),
    )
    for noun, ours, theirs in kinds:
        for place in sorted(ours.keys() | theirs.keys()):
            if ours.get(place) != theirs.get(place):
                name = place if isinstance(place, str) else "/".join(place)
                yield f"{noun} {name}: the data set and this workspace say different things"
