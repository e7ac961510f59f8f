"""`assay seal`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.commands.keys import private_keys
from assay.errors import UsageError
from assay.workspace import Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.model.annotation import Annotation
    from assay.workspace import Entry


@click.command("seal")
@click.argument("tasks", metavar="[TASK...]", nargs=-1)
@private_keys("--key", ": needed to add to what another machine sealed.")
@click.option("--by", "handle", metavar="HANDLE", help="Seal this person's annotation of TASK instead.")
@click.option("--stage", type=click.Choice(["1", "2"]), help="Of an annotation, where assay.toml asks for two stages.")
@click.option(
    "--sign",
    "signing_key",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign the annotation's seal with this ssh key.",
)
def command(
    tasks: tuple[str, ...],
    keys: tuple[Path, ...],
    handle: str | None,
    stage: str | None,
    signing_key: Path | None,
) -> None:
    """Seal who made the trajectories of TASK, or with --by an annotation of it, before others can read it.

    Of trajectories: all tasks by default. Writes commitments.json, which promises the identities without telling them,
    and identities.age, which only the `[seal] recipients` of assay.toml can open. Run it again after the recipients
    changed; whoever was one can still open what older commits hold.

    Of an annotation: writes HANDLE.seal.json from the draft, and nothing else that could be committed. Merge it; once
    all have sealed, `assay reveal` puts the annotation where all can read it.

    \b
    Examples:
      assay seal
      assay seal ledger-loader --key ~/.ssh/id_ed25519
      assay seal ledger-loader --by rater-1
      assay seal --stage 1
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    if handle or stage or signing_key:
        _annotation(workspace, tasks, handle, stage, signing_key)
    else:
        _identities(workspace, tasks, keys)


def _identities(workspace: Workspace, tasks: Sequence[str], keys: Sequence[Path]) -> None:
    from assay.sealing.identities import known
    from assay.sealing.maps import seal

    root = workspace.root
    chosen: Sequence[str] = [workspace.task(name).id for name in tasks]
    if not chosen:
        chosen = [name for name in workspace.tasks if known(root, name).identities]
    if not chosen:
        hint = "import one first; an annotation is sealed with `assay seal TASK --by HANDLE`"
        raise UsageError("nothing-to-seal", "this machine knows nobody who made a trajectory", hint)
    for name in chosen:
        record = seal(root, name, workspace.settings.seal.recipients, keys)
        counts = f"{len(record.commitments)} identities for {len(record.recipients)} recipients"
        click.echo(f"trajectories/{name}: sealed {counts}")


def _annotation(
    workspace: Workspace, tasks: Sequence[str], handle: str | None, stage: str | None, signing_key: Path | None
) -> None:
    from assay.grading import demand_finished, demand_stage, recipients
    from assay.sealing.annotations import seal
    from assay.sealing.grades import evidence_files
    from assay.sealing.places import seal_path

    entry = _draft(workspace, tasks, handle)
    task, annotator = entry.record.task, entry.record.annotator
    first = demand_stage(workspace, entry, stage)
    criteria = demand_finished(workspace, entry, first)
    if workspace.settings.annotations.signatures and signing_key is None:
        raise UsageError("not-signed", "assay.toml asks for signed seals; nothing was written", "give `--sign KEY`")
    record = seal(workspace.root, entry, first, criteria, recipients(workspace, task, annotator), signing_key)
    number = len(evidence_files(workspace.root, task, annotator))
    runs = f"with {number} files of recorded runs, " if number else ""
    who = "one coordinator" if len(record.recipients) == 1 else f"{len(record.recipients)} coordinators"
    click.echo(f"{seal_path(task, annotator, first)}: sealed {runs}for {who}")
    again = f"`assay new annotation {task} --by {annotator}` adds the second stage"
    then = again if first else f"once all have sealed: `assay reveal {task} --by {annotator}`"
    click.echo(f"commit that file alone, and keep .assay/seals: it opens the seal; {then}")


def _draft(workspace: Workspace, tasks: Sequence[str], handle: str | None) -> Entry[Annotation]:
    """The draft that is meant; the only one when a task or a person is left out."""
    if len(tasks) > 1:
        raise UsageError("one-task", f"one annotation is sealed at a time; found {len(tasks)} tasks", "name one task")
    task = workspace.task(tasks[0]).id if tasks else None
    found = [sheet for sheet in workspace.drafts if sheet.task == (task or sheet.task)]
    found = [sheet for sheet in found if sheet.annotator == (handle or sheet.annotator)]
    if len(found) != 1:
        listed = ", ".join(sheet.path for sheet in found or workspace.drafts) or "none"
        message = f"there must be one draft to seal, found {len(found)}"
        hint = f"name task and person: `assay seal TASK --by HANDLE`; drafts here: {listed}"
        raise UsageError("no-draft", message, f"{hint}; `assay new annotation` begins one")
    if found[0].entry is None:
        raise UsageError("draft-unreadable", f"{found[0].path} cannot be read", f"run `assay check {found[0].path}`")
    return found[0].entry
