"""`assay new`."""

from __future__ import annotations

from pathlib import Path

import click

from assay.errors import UsageError
from assay.workspace import Workspace, find_root, load


@click.group("new")
def command() -> None:
    """Begin a file of the workspace: valid, complete, and open where you decide."""


@command.command("annotation")
@click.argument("task")
@click.option("--by", "handle", required=True, help="Who grades: a handle of annotations/people.yaml.")
def annotation(task: str, handle: str) -> None:
    """Begin the grades of one person for TASK, with all attempts in an order drawn for this person.

    Every criterion is there with what it asks, and open. `assay check` names what is still missing.

    \b
    Example:
      assay new annotation ledger-loader --by rater-1
    """
    from assay.contents import blob_id
    from assay.scaffold.annotation import annotation_text
    from assay.sealing.order import presented
    from assay.storage import write_whole

    root = find_root(Path.cwd())
    workspace = load(root)
    job = workspace.task(task)
    _demand_person(workspace, handle)
    path = f"annotations/{task}/{handle}.yaml"
    if (root / path).exists():
        raise UsageError("file-exists", f"{path} is there already", "go on in that file, or move it away")
    if job.rubric is None:
        raise UsageError("no-rubric", f"{job.path}/rubric.yaml cannot be read", "run `assay check`")
    if workspace.guidelines is None:
        raise UsageError("no-guidelines", "annotations/guidelines.md has no version", "run `assay check`")
    found = [attempt for attempt in workspace.attempts.get(task, {}).values() if attempt.trajectory]
    agents = [attempt for attempt in found if not attempt.is_dry_run and not attempt.is_invalid]
    attempts = [attempt.alias for attempt in agents or found]  # with scripts alone, they are what one practises on
    if not attempts:
        raise UsageError("no-attempt", f"there is no attempt at `{task}` yet", "`assay run`, `record` or `import` one")
    order = presented(attempts, workspace.settings.seed, task, handle)
    blob = blob_id((job.folder / "rubric.yaml").read_bytes())
    text = annotation_text(task, handle, workspace.guidelines, blob, job.rubric.record, order, path)
    write_whole(root / path, text.encode())
    click.echo(f"{path}: {len(order)} attempts, {len(job.rubric.record.criteria)} criteria each; begin with {order[0]}")


def _demand_person(workspace: Workspace, handle: str) -> None:
    people = workspace.people.record.people if workspace.people else []
    roles = {person.handle: person.roles for person in people}
    if "annotator" not in roles.get(handle, []):
        graders = ", ".join(f"`{name}`" for name, own in roles.items() if "annotator" in own) or "nobody"
        hint = f"annotators in annotations/people.yaml: {graders}; add yourself in a pull request"
        raise UsageError("unknown-annotator", f"`{handle}` is no annotator of this workspace", hint)
