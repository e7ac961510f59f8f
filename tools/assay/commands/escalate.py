"""`assay escalate`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast, get_args

import click

from assay.documents import read, validate
from assay.errors import UsageError
from assay.kinds import R
from assay.model.base import ID_PATTERN
from assay.model.escalation import Change, Escalation, EscalationKind, EscalationStatus
from assay.model.outcome import Proof
from assay.workspace import Entry, Workspace, find_root, load

if TYPE_CHECKING:
    from assay.replay.collecting import Collected


@click.command("escalate")
@click.argument("target", metavar="[TASK|TASK/SLUG]", required=False)
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="A draft, the evidence of a replay, or a recorded run."
)
@click.option("--run", "line", metavar="COMMAND", help="With TASK: run this in its container, and keep what it shows.")
@click.option("--title", help="With TASK: the defect in one line.")
@click.option("--kind", type=click.Choice(get_args(EscalationKind)), help="With TASK: what is wrong.")
@click.option("--not-blocking", is_flag=True, help="Keep the task in rankings while this is open.")
@click.option("--slug", help="Name of the file; by default that of the draft, or the words of the title.")
@click.option("--show", is_flag=True, help="With TASK/SLUG: where it stands, what shows it, what it does to grades.")
@click.option("--status", type=click.Choice(get_args(EscalationStatus)[1:]), help="With TASK/SLUG: its next status.")
@click.option("--why", default="", help="With --status: what was changed, or why nothing has to be.")
@click.option("--by", "handle", help="Who says so: a handle of annotations/people.yaml.")
def command(
    target: str | None,
    source: Path | None,
    line: str | None,
    title: str | None,
    kind: str | None,
    not_blocking: bool,
    slug: str | None,
    show: bool,
    status: str | None,
    why: str,
    handle: str | None,
) -> None:
    """Raise a defect of a task with what shows it, or say how one goes on.

    TASK alone raises what its newest replay found; with --run, what a command in its container shows; with --title and
    --kind, a file to fill in. Engine, image, log, exit code, smallest reproduction and the attempts it reaches are
    collected; --from takes a run that `assay verify` recorded, too. A task with an open or confirmed blocking
    escalation is quarantined: rankings and calibration leave it out, and `assay check`, `assay rank` and the site say
    so. One is fixed when the newest replay shows it.

    \b
    Examples:
      assay escalate ledger-loader --by rater-1
      assay escalate ledger-loader --run "python3 -c 'import ledger'" --by rater-1
      assay escalate ledger-loader --title "Two readings of 'in order'" --kind hidden-requirement --by rater-1
      assay escalate --show ledger-loader/oracle
      assay escalate ledger-loader/oracle --status fixed --why "The suite reads any file." --by rater-2
    """
    workspace = load(find_root(Path.cwd()))
    if show or status:
        if not target or source or line or title or kind or slug or not_blocking:
            raise click.UsageError("`--show` and `--status` go with TASK/SLUG")
        entry = _find(workspace, target)
        if status:
            _turn(workspace, entry, Change(status=cast(EscalationStatus, status), by=_who(workspace, handle), why=why))
        else:
            _show(workspace, entry)
    else:
        if not (source or target):
            raise click.UsageError("give TASK, or `--from PATH`; `assay escalate --help` shows examples")
        asked = Asked(target, source, line, title, cast(EscalationKind | None, kind), why)
        _raise(workspace, asked, _who(workspace, handle), slug, blocking=not not_blocking)


@dataclass(frozen=True)
class Asked:
    """What an escalation is to be made from."""

    task: str | None
    source: Path | None
    line: str | None
    title: str | None
    kind: EscalationKind | None
    why: str


def _raise(workspace: Workspace, asked: Asked, handle: str, slug: str | None, *, blocking: bool) -> None:
    """Open what a replay drafted, or begin a file with what else can be collected."""
    from assay.scaffold.escalation import begun, to_fill_in

    if (asked.source and (asked.task or asked.line)) or asked.why:
        raise click.UsageError("give TASK or `--from PATH`, not both, and `--why` only with `--status`")
    found = _collected(workspace, asked)
    if found:
        draft = begun(workspace, *found, handle, asked.title, asked.kind).model_copy(update={"blocking": blocking})
        words = re.sub(r"[^a-z0-9]+", "-", draft.title.lower())[:48].strip("-")
        _write(workspace, draft, slug or words, to_fill_in(draft))
    elif asked.title or asked.kind:
        raise click.UsageError("with TASK give both `--title` and `--kind`, or `--run COMMAND`; with a draft, neither")
    else:
        source = asked.source or _newest(workspace, str(asked.task))
        _open(workspace, source, handle, slug, blocking=blocking)


def _collected(workspace: Workspace, asked: Asked) -> tuple[str, Collected] | None:
    """The task and what shows its defect, unless that is a replay's draft."""
    from assay.evidence.runs import runs
    from assay.replay.collecting import of_command, of_replay, of_run

    if asked.source:
        found = (run for run in runs(workspace) if run.file.resolve() == asked.source.resolve())
        return next(((run.task, of_run(run)) for run in found), None)
    task = workspace.task(str(asked.task))
    if asked.line:
        return task.id, of_command(task, asked.line)
    return (task.id, of_replay(workspace.root, task)) if asked.title and asked.kind else None


def _who(workspace: Workspace, handle: str | None) -> str:
    if handle is None:
        raise click.UsageError("Missing option '--by': a handle of annotations/people.yaml")
    people = [person.handle for person in workspace.people.record.people] if workspace.people else []
    if handle not in people:
        known = f"known are {', '.join(f'`{name}`' for name in people)}" if people else "nobody is in it yet"
        hint = f"{known}; add yourself, because an escalation needs somebody who can be asked"
        raise UsageError("unknown-handle", f"`{handle}` is not in annotations/people.yaml", hint)
    return handle


def _find(workspace: Workspace, target: str) -> Entry[Escalation]:
    """By TASK/SLUG, or by SLUG where one task alone has it."""
    known = {
        f"{task}/{PurePosixPath(entry.path).stem}": entry
        for task, entries in workspace.escalations.items()
        for entry in entries
    }
    found = [name for name in known if name == target or name.endswith(f"/{target}")]
    if len(found) != 1:
        listed = ", ".join(f"`{name}`" for name in found or known) or "none"
        word = "several escalations are" if found else "no readable escalation is"
        raise UsageError("unknown-escalation", f"{word} called `{target}`", f"name one of: {listed}")
    return known[found[0]]


def _show(workspace: Workspace, entry: Entry[Escalation]) -> None:
    from assay.reporters.escalations import as_text

    for text in as_text(workspace, workspace.task(entry.path.split("/")[1]), entry):
        click.echo(text)


def _turn(workspace: Workspace, entry: Entry[Escalation], change: Change) -> None:
    from assay.model.escalation import REPLAYED
    from assay.replay.collecting import repair
    from assay.replay.settling import settled
    from assay.rules.escalations import turns
    from assay.storage import write_whole

    task, record = workspace.task(entry.path.split("/")[1]), entry.record
    after = record.model_copy(update={"status": change.status, "history": [*record.history, change]})
    for _, message, hint in turns(after):
        raise UsageError("escalation-history", f"{entry.path}: {message}", hint)
    shown = repair(workspace.root, task) if change.status == "fixed" and record.kind in REPLAYED else None
    write_whole(workspace.root / entry.path, settled(entry, change, shown).encode())
    click.echo(f"{entry.path}: {record.status} -> {change.status}")
    click.echo(f"next: `assay check`, and commit it as `escalate {task.id}: …`")


def _newest(workspace: Workspace, target: str) -> Path:
    from assay.replay.collecting import newest

    task = workspace.task(target).id
    found = newest(workspace.root, task)
    if found is None:
        hint = f"make one: `assay replay {task}`; or give `--run COMMAND`, `--from RUN`, or `--title` and `--kind`"
        raise UsageError("no-draft", f"there is no replay of `{task}` on this machine to take evidence from", hint)
    return found[0]


def _open(workspace: Workspace, source: Path, handle: str, slug: str | None, *, blocking: bool) -> None:
    """Raise what a replay drafted."""
    from assay.replay.drafting import as_yaml
    from assay.scaffold.escalation import reached

    draft = _draft(workspace, source)
    record = _read(draft, Escalation)
    affects = record.affects if record.affects.trajectories else reached(workspace, record)
    history = [*record.history, Change(status="open", by=handle)]
    update = {
        "raised_by": handle,
        "blocking": record.blocking and blocking,
        "status": "open",
        "affects": affects,
        "history": history,
    }
    escalation = record.model_copy(update=update)
    _write(workspace, escalation, slug or draft.stem, as_yaml(escalation))


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
        hint = "say what is wrong with `--title` and `--kind`, or show it with `--run COMMAND`"
        raise UsageError("nothing-to-escalate", f"`{source}` holds: nothing in it failed or was left undecided", hint)
    if len(found) > 1:
        names = "\n".join(f"  --from {file}: {_read(file, Escalation).title}" for file in found)
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


def _write(workspace: Workspace, escalation: Escalation, slug: str, text: str) -> None:
    task = workspace.task(escalation.task).id
    if not re.match(ID_PATTERN, slug):
        message = f"`{slug}` must be lower-case letters, digits and inner hyphens, at most 64"
        raise UsageError("slug-invalid", message, "choose a name with `--slug`")
    path = f"annotations/{task}/escalations/{slug}.yaml"
    if (workspace.root / path).exists():
        raise UsageError("escalation-exists", f"`{path}` exists; it was not touched", "choose a name with `--slug`")
    from assay.scaffold.escalation import SCHEMA_LINE
    from assay.storage import write_whole

    write_whole(workspace.root / path, (SCHEMA_LINE + text).encode())
    click.echo(path)
    if escalation.status == "draft":
        click.echo(f"next: fill it in, then `assay escalate {task}/{slug} --status open --by {escalation.raised_by}`")
    else:
        held = f"`{task}` is left out of rankings until it is closed" if escalation.blocking else "it blocks nothing"
        click.echo(f"open: {held}. next: read it, `assay check`, and commit it as `escalate {task}: …`")
