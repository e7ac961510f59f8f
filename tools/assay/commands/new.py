"""`assay new`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import UsageError
from assay.sealing.places import draft_path, seal_path, sheet_path
from assay.workspace import Workspace, find_root, load

if TYPE_CHECKING:
    from assay.model.people import Role
    from assay.model.rubric import Rubric


@click.group("new")
def command() -> None:
    """Begin a file of the workspace: valid, complete, and open where you decide."""


@command.command("annotation")
@click.argument("task")
@click.option("--by", "handle", required=True, help="Who grades: a handle of annotations/people.yaml.")
def annotation(task: str, handle: str) -> None:
    """Begin the grades of one person for TASK, with all attempts in an order drawn for this person.

    Every criterion is there with what it asks, and open. `assay check` names what is still missing. Where assay.toml
    asks for sealed annotations it is a draft that git ignores; with two stages, the second is added to it when the
    first is sealed.

    \b
    Example:
      assay new annotation ledger-loader --by rater-1
    """
    from assay.contents import blob_id
    from assay.scaffold.annotation import annotation_text
    from assay.sealing.annotations import keep_local
    from assay.sealing.order import presented
    from assay.storage import write_whole

    root = find_root(Path.cwd())
    workspace = load(root)
    job = workspace.task(task)
    demand_person(workspace, handle, "annotator")
    policy = workspace.settings.annotations
    path = (draft_path if policy.independence == "sealed" else sheet_path)(task, handle)
    if job.rubric is None:
        raise UsageError("no-rubric", f"{job.path}/rubric.yaml cannot be read", "run `assay check`")
    if policy.stages == 2 and (root / seal_path(task, handle, 1)).exists() and (root / path).exists():
        _second_stage(workspace, path, job.rubric.record)
        return
    for name in (path, seal_path(task, handle), sheet_path(task, handle)):
        if (root / name).exists():
            raise UsageError("file-exists", f"{name} is there already", "go on in that file, or move it away")
    if workspace.guidelines is None:
        raise UsageError("no-guidelines", "annotations/guidelines.md has no version", "run `assay check`")
    order = presented(_attempts(workspace, task), workspace.settings.seed, task, handle)
    blob = blob_id((job.folder / "rubric.yaml").read_bytes())
    criteria = [
        item for item in job.rubric.record.criteria if policy.stages == 1 or item.id in job.rubric.record.first_stage
    ]
    text = annotation_text(task, handle, workspace.guidelines, blob, criteria, order, path)
    write_whole(root / path, text.encode())
    if policy.independence == "sealed":
        keep_local(root, task, handle)
    click.echo(f"{path}: {len(order)} attempts, {len(criteria)} criteria each; begin with {order[0]}")
    if policy.stages == 2:
        seal = f"`assay seal {task} --by {handle} --stage 1`"
        click.echo(f"this is the first stage: patch, tests and files, not the transcript; then {seal}")


def _attempts(workspace: Workspace, task: str) -> list[str]:
    from assay.scaffold.annotation import gradable

    found = gradable(workspace.attempts.get(task, {}).values())
    if not found:
        raise UsageError("no-attempt", f"there is no attempt at `{task}` yet", "`assay run`, `record` or `import` one")
    return found


def _second_stage(workspace: Workspace, path: str, rubric: Rubric) -> None:
    """Add what the second stage grades to a draft whose first stage is sealed."""
    from assay.scaffold.annotation import with_criteria
    from assay.storage import write_whole

    sheet = next((sheet for sheet in workspace.drafts if sheet.path == path), None)
    if sheet is None or sheet.entry is None:
        raise UsageError("draft-unreadable", f"{path} cannot be read", f"run `assay check {path}`")
    missing = {
        alias: [item for item in rubric.criteria if item.id not in graded.criteria]
        for alias, graded in sheet.entry.record.grades.items()
    }
    count = max(map(len, missing.values()), default=0)
    if not count:
        raise UsageError("file-exists", f"{path} has every criterion already", "go on in that file")
    text = with_criteria(sheet.entry.document, missing)
    write_whole(workspace.root / path, text.encode())
    click.echo(f"{path}: {count} criteria of the second stage were added; open the transcript now")


def demand_person(workspace: Workspace, handle: str, *roles: Role) -> None:
    """Raises UsageError for somebody who has none of the roles."""
    people = workspace.people.record.people if workspace.people else []
    known = {person.handle: person.roles for person in people}
    if not set(roles) & {*known.get(handle, [])}:
        others = ", ".join(f"`{name}`" for name, own in known.items() if set(roles) & {*own}) or "nobody"
        hint = f"in annotations/people.yaml: {others}; add yourself in a pull request"
        raise UsageError("unknown-person", f"`{handle}` is no {' or '.join(roles)} of this workspace", hint)


@command.command("review")
@click.argument("task")
@click.option("--by", "handle", required=True, help="Who reviews: a handle of annotations/people.yaml.")
@click.option("--annotator", "names", multiple=True, metavar="HANDLE", help="Whose; without it, everybody's.")
def review(task: str, handle: str, names: tuple[str, ...]) -> None:
    """Begin a review of the annotations of TASK: a verdict, four scores and comments for each.

    It names the annotations as they are now; when one is changed later, `assay check` says so.

    \b
    Example:
      assay new review ledger-loader --by rater-3
    """
    from assay.scaffold.judging import review_text

    workspace = _judged(task, handle, "reviewer", "adjudicator", "annotator", "coordinator")
    sheets = [sheet for sheet in workspace.sheets if sheet.task == task and sheet.entry and sheet.annotator != handle]
    known = {sheet.annotator for sheet in sheets}
    if unknown := [name for name in names if name not in known]:
        hint = f"there are those of {', '.join(f'`{name}`' for name in sorted(known)) or 'nobody else'}"
        raise UsageError("no-annotation", f"`{unknown[0]}` has no annotation of `{task}` that can be reviewed", hint)
    chosen = [sheet for sheet in sheets if not names or sheet.annotator in names]
    if not chosen:
        raise UsageError("no-annotation", f"nobody else has an annotation of `{task}` that can be read", "wait for one")
    _begin(workspace, f"annotations/{task}/reviews/{handle}.yaml", review_text(task, handle, chosen))


@command.command("adjudication")
@click.argument("task")
@click.option("--by", "handle", required=True, help="Who decides: a handle of annotations/people.yaml.")
def adjudication(task: str, handle: str) -> None:
    """Begin the decisions on TASK: every verdict on which its annotators differ, with what each of them saw.

    Their annotations stay as they are: what each said alone is what agreement is computed from.

    \b
    Example:
      assay new adjudication ledger-loader --by rater-3
    """
    from assay.results.provenance import annotations_of, contradicting, disputed
    from assay.scaffold.judging import adjudication_text

    workspace = _judged(task, handle, "adjudicator", "coordinator")
    if any(record.annotator == handle for record in annotations_of(workspace, task)):
        raise UsageError("adjudication-own", f"`{handle}` graded `{task}`", "have somebody decide who did not")
    if not contradicting(workspace, task) and not list(disputed(workspace, task)):
        raise UsageError("nothing-disputed", f"the annotators of `{task}` agree in every verdict and in the ranking")
    _begin(workspace, f"annotations/{task}/adjudication.yaml", adjudication_text(workspace, task, handle))


def _judged(task: str, handle: str, *roles: Role) -> Workspace:
    workspace = load(find_root(Path.cwd()))
    workspace.task(task)
    demand_person(workspace, handle, *roles)
    return workspace


def _begin(workspace: Workspace, path: str, text: str) -> None:
    from assay.storage import write_whole

    if (workspace.root / path).exists():
        raise UsageError("file-exists", f"{path} is there already", "go on in that file, or move it away")
    write_whole(workspace.root / path, text.encode())
    click.echo(f"{path}: begun. next: fill it in, and `assay check {path}`")
