"""`assay reveal`."""

from __future__ import annotations

from pathlib import Path

import click

from assay.commands.keys import private_keys
from assay.workspace import demand_settings, find_root, load


@click.command("reveal")
@click.argument("task")
@click.option("--by", "handle", required=True, metavar="HANDLE", help="Whose annotation it is.")
@private_keys("--with", ", of a coordinator: when the annotator cannot or will not.")
def command(task: str, handle: str, keys: tuple[Path, ...]) -> None:
    """Put a sealed annotation of TASK where all can read it, once everybody assigned to TASK has sealed.

    Writes HANDLE.yaml and recorded runs as they were sealed, and HANDLE.reveal.json, with which anybody can check them
    against the seal. Corrections are `revisions` in HANDLE.yaml from then on.

    \b
    Examples:
      assay reveal ledger-loader --by rater-1
      assay reveal ledger-loader --by rater-2 --with ~/.ssh/id_ed25519
    """
    from assay.grading import demand_all_sealed
    from assay.sealing.annotations import demand_kept, kept, opened, reveal, seal_of
    from assay.sealing.places import draft_path, reveal_path, seal_path, sheet_path

    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    workspace.task(task)
    whole_seal = seal_of(root, task, handle)
    main = demand_all_sealed(workspace, task, handle)
    stages = (None, 1) if (root / seal_path(task, handle, 1)).exists() else (None,)
    copies = []
    for stage in stages:
        copy = opened(root, task, handle, stage, keys) if keys else kept(root, task, handle, stage)
        demand_kept(seal_of(root, task, handle, stage) if stage else whole_seal, copy, seal_path(task, handle, stage))
        copies.append(copy)
    record = reveal(root, copies[0], copies[1] if len(copies) > 1 else None, main)
    runs = f", {len(record.whole.evidence)} recorded runs" if record.whole.evidence else ""
    click.echo(f"{sheet_path(task, handle)}: revealed{runs}; commit it with {reveal_path(task, handle)}")
    if (root / draft_path(task, handle)).exists():
        draft = draft_path(task, handle)
        click.echo(f"{draft} differs from what was sealed and stays there; corrections are `revisions`", err=True)
