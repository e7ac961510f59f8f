"""`assay unseal`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.commands.keys import private_keys
from assay.errors import ExitCode, UsageError
from assay.workspace import find_root, load

if TYPE_CHECKING:
    from assay.model.sealed import Opening


@click.command("unseal")
@click.option("--task", "tasks", metavar="ID", multiple=True, help="Open this task; repeat it for more.")
@click.option("--all", "everything", is_flag=True, help="Open every sealed task.")
@private_keys("--key", "; without it, what this machine knows.")
@click.option("--show", is_flag=True, help="Print the identities here and publish nothing.")
def command(tasks: tuple[str, ...], everything: bool, keys: tuple[Path, ...], show: bool) -> None:
    """Name who made the trajectories: publish a task's identities with the key that proves them.

    Writes opening.json, which `assay check` compares with the commitments made before. Nobody can grade the task
    blindly afterwards. Keys of other tasks stay secret.

    \b
    Examples:
      assay unseal --task ledger-loader --key ~/.ssh/id_ed25519
      assay unseal --all --key coordinator.txt --show
    """
    from assay.sealing.commitments import broken
    from assay.sealing.maps import committed, publish

    root = find_root(Path.cwd())
    workspace = load(root)
    chosen = list(workspace.commitments) if everything else [workspace.task(name).id for name in tasks]
    if not chosen:
        raise UsageError("nothing-to-open", "say which task to open", "give `--task ID` or `--all`; see `assay seal`")
    openings = [_opening(root, task, keys) for task in chosen]  # all of them before any is published
    wrong = False
    for opening in openings:
        if show:
            click.echo("\n".join(_lines(opening)))
        else:
            click.echo(f"{publish(root, opening).relative_to(root)}: {len(opening.identities)} identities, open to all")
        record = committed(root, opening.task)
        for _, message in broken(opening, record.commitments if record else {}):
            wrong = True
            click.echo(f"error: {opening.task}: {message}", err=True)
    if wrong:
        raise SystemExit(ExitCode.FINDINGS)


def _opening(root: Path, task: str, keys: tuple[Path, ...]) -> Opening:
    from assay.model.sealed import Opening
    from assay.sealing.identities import known, locked, task_key
    from assay.sealing.maps import committed, open_map

    if keys:
        return open_map(root, task, keys)
    if committed(root, task) is None:
        raise UsageError("not-sealed", f"{task}: nothing was sealed", f"seal first: `assay seal {task}`")
    own = known(root, task).identities
    if not own:
        raise UsageError("wrong-key", f"{task}: this machine knows no identity", "name your private key with `--key`")
    with locked(root):
        return Opening(format=1, task=task, key=task_key(root, task), identities=own)


def _lines(opening: Opening) -> list[str]:
    return [
        f"{opening.task}/{alias}: {' '.join(filter(None, (identity.agent, identity.version, identity.model)))}"
        for alias, identity in sorted(opening.identities.items())
    ]
