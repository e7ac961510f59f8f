"""`assay escalate`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast, get_args

import click

from assay.documents import read, to_yaml, validate
from assay.errors import UsageError
from assay.kinds import R
from assay.model.base import ID_PATTERN
from assay.model.escalation import Escalation, EscalationKind
from assay.model.outcome import Proof
from assay.workspace import Workspace, find_root, load

SCHEMA_LINE = "# yaml-language-server: $schema=../../../schemas/escalation.schema.json\n"
COMMENTS = {
    "raised_by": "A handle of annotations/people.yaml.",
    "kind": f"What has to change: {', '.join(get_args(EscalationKind))}.",
    "blocking": "true leaves the task out of rankings and calibration while the status is `open`.",
    "status": "draft holds nothing back; open is worked on; resolved or rejected is over, and `resolution` says how.",
    "expected": "What must hold, and where that is written.",
    "found": "What there is instead.",
    "reproduction": "The fewest commands that show it again, one for each item.",
}
MORE = """\
# What was run and what it showed, where something has to be run to see it:
# outcome: scored       # timed-out, invalid-environment, invalid-agent, invalid-verifier
# evidence:
#   command: assay replay TASK
#   exit_code: 1
#   image: "sha256:..." # docker image inspect --format '{{.Id}}' IMAGE
#   log_excerpt: |
#     the lines that show it
# In the end: what was changed, or why nothing has to be.
# resolution: ""
"""


@click.command("escalate")
@click.argument("task", required=False)
@click.option("--from", "source", type=click.Path(path_type=Path), help="A draft, or the evidence of a replay.")
@click.option("--by", "handle", required=True, help="Who raises it: a handle of annotations/people.yaml.")
@click.option("--slug", help="Name of the file; by default that of the draft, or the words of the title.")
@click.option("--not-blocking", is_flag=True, help="Keep the task in rankings while this is open.")
@click.option("--title", help="With TASK: the defect in one line.")
@click.option("--kind", type=click.Choice(get_args(EscalationKind)), help="With TASK: what has to change.")
def command(
    task: str | None,
    source: Path | None,
    handle: str,
    slug: str | None,
    not_blocking: bool,
    title: str | None,
    kind: str | None,
) -> None:
    """Raise a defect of a task: from the draft that a replay wrote, or as a file to fill in.

    A task with an open blocking escalation is quarantined: rankings and calibration leave it out, and `assay check`,
    `assay rank` and the site say so. The file goes to annotations/TASK/escalations; nothing is overwritten.

    \b
    Examples:
      assay escalate --from .assay/replays/ledger-loader/20260102T030405Z-1a2b3c4d5e6f --by rater-1
      assay escalate ledger-loader --title "Two readings of 'in order'" --kind instruction --by rater-1
    """
    workspace = load(find_root(Path.cwd()))
    _known(workspace, handle)
    changes = {"raised_by": handle} | ({"blocking": False} if not_blocking else {})
    if source and not (task or title or kind):
        from assay.replay.drafting import as_yaml

        draft = _draft(workspace, source)
        escalation = _read(draft, Escalation).model_copy(update=changes | {"status": "open"})
        _write(workspace, escalation, slug or draft.stem, as_yaml(escalation))
    elif task and title and kind and not source:
        escalation = _blank(task, title, cast(EscalationKind, kind)).model_copy(update=changes)
        fields = {name: getattr(escalation, name) for name in ("format", "task", "title", *COMMENTS)}
        words = re.sub(r"[^a-z0-9]+", "-", title.lower())[:48].strip("-")
        _write(workspace, escalation, slug or words, to_yaml(fields, COMMENTS) + MORE)
    else:
        raise click.UsageError("give either `--from PATH`, or TASK with `--title` and `--kind`")


def _known(workspace: Workspace, handle: str) -> None:
    people = [person.handle for person in workspace.people.record.people] if workspace.people else []
    if handle not in people:
        listed = ", ".join(f"`{name}`" for name in people) or "nobody yet"
        hint = f"known are {listed}; an escalation needs somebody who can be asked"
        raise UsageError("unknown-handle", f"`{handle}` is not in annotations/people.yaml", hint)


def _draft(workspace: Workspace, source: Path) -> Path:
    """The draft that `source` is or holds; drafts are written first where a replay has left none."""
    if source.suffix == ".yaml" and source.is_file():
        return source
    folder = next((folder for folder in (source, source.parent) if (folder / "replay.json").is_file()), None)
    if folder is None:
        hint = "name a draft, or the folder that `assay replay` names beside what failed"
        raise UsageError("no-draft", f"`{source}` is neither a draft nor the evidence of a replay", hint)
    from assay.replay.drafting import FOLDER, drafts

    found = sorted((folder / FOLDER).glob("*.yaml"))
    found = found or drafts(workspace.root, _read(folder / "replay.json", Proof), folder)
    if not found:
        raise UsageError("nothing-to-escalate", f"`{source}` holds: nothing in it failed or was left undecided")
    if len(found) > 1:
        names = "\n".join(f"  {file}: {_read(file, Escalation).title}" for file in found)
        raise UsageError("several-drafts", f"`{source}` has {len(found)} drafts; name one of them:\n{names}")
    return found[0]


def _read(file: Path, model: type[R]) -> R:
    document, found = read(file, str(file))
    record, wrong = validate(document, model) if document else (None, [])
    if record is None:
        first = (found + wrong)[0]
        hint = first.hint or "mend the file, or replay the task again"
        raise UsageError("draft-invalid", f"{first.path}:{first.line}:{first.column}: {first.message}", hint)
    return record


def _blank(task: str, title: str, kind: EscalationKind) -> Escalation:
    if not title.isprintable() or not title.strip():
        raise UsageError("title-invalid", "`--title` must be one line of visible characters")
    return Escalation(format=1, task=task, title=title, raised_by="assay", kind=kind, blocking=True, status="draft")


def _write(workspace: Workspace, escalation: Escalation, slug: str, text: str) -> None:
    task = workspace.task(escalation.task).id
    if not re.match(ID_PATTERN, slug):
        message = f"`{slug}` must be lower-case letters, digits and inner hyphens, at most 64"
        raise UsageError("slug-invalid", message, "choose a name with `--slug`")
    path = f"annotations/{task}/escalations/{slug}.yaml"
    if (workspace.root / path).exists():
        raise UsageError("escalation-exists", f"`{path}` exists; it was not touched", "choose a name with `--slug`")
    from assay.storage import write_whole

    write_whole(workspace.root / path, (SCHEMA_LINE + text).encode())
    click.echo(path)
    if escalation.status == "draft":
        click.echo("next: fill it in, say `status: open`, and run `assay check`")
    else:
        held = f"`{task}` is left out of rankings until it is closed" if escalation.blocking else "it blocks nothing"
        click.echo(f"open: {held}. next: read it, `assay check`, and commit it as `escalate {task}: …`")
