"""`assay seal`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from assay.errors import UsageError
from assay.workspace import find_root, load


@click.command("seal")
@click.argument("tasks", metavar="[TASK...]", nargs=-1)
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A recipient's private key (age or ssh): needed to add to what another machine sealed.",
)
def command(tasks: tuple[str, ...], keys: tuple[Path, ...]) -> None:
    """Seal who made the trajectories of TASK, or of all tasks whose makers are known on this machine.

    Writes commitments.json, which promises the identities without telling them, and identities.age, which only the
    `[seal] recipients` of assay.toml can open. Commit both with the trajectories. Run it again after the recipients
    changed; whoever was one can still open what older commits hold.

    \b
    Examples:
      assay seal
      assay seal ledger-loader --key ~/.ssh/id_ed25519
    """
    from assay.sealing.identities import known
    from assay.sealing.maps import seal

    root = find_root(Path.cwd())
    workspace = load(root)
    chosen: Sequence[str] = [workspace.task(name).id for name in tasks]
    if not chosen:
        chosen = [name for name in workspace.tasks if known(root, name).identities]
    if not chosen:
        raise UsageError("nothing-to-seal", "this machine knows nobody who made a trajectory", "import one first")
    for name in chosen:
        record = seal(root, name, workspace.settings.seal.recipients, keys)
        counts = f"{len(record.commitments)} identities for {len(record.recipients)} recipients"
        click.echo(f"trajectories/{name}: sealed {counts}")
