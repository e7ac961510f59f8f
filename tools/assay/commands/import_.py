"""`assay import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.aliases import choose
from assay.errors import UsageError
from assay.workspace import IMPORTED, SETTINGS, find_root, unknown_task

if TYPE_CHECKING:
    from assay.importers import Imported, ImportReport
    from assay.importers.harbor import Wanted
    from assay.model.identity import Identity, IdentityMap
    from assay.model.reported import Reported
    from assay.model.settings import Settings


@dataclass(frozen=True)
class _Ready:
    """A log that was read, and what will be written."""

    source: Path
    format: str
    trajectory: bytes
    identity: Identity
    report: ImportReport
    files: frozenset[Path]
    tests: Mapping[str, bytes] = field(default_factory=dict)
    """Reports and logs of a trial, by path."""
    label: str = ""
    patch: str = ""
    reported: Reported | None = None

    @property
    def name(self) -> str:
        """The log's, and which attempt in it."""
        return f"{self.source.name}{f' ({self.label})' if self.label else ''}"


@click.command("import")
@click.argument("logs", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--task", required=True, metavar="ID", help="The task that was attempted.")
@click.option("--format", "form", metavar="NAME", help="Importer to use; without it, the content decides.")
@click.option("--alias", help="Name of the attempt; without it, a fresh one of two words.")
@click.option("--json", "as_json", is_flag=True, help="Print the import reports as a JSON array.")
def command(logs: tuple[Path, ...], task: str, form: str | None, alias: str | None, as_json: bool) -> None:
    """Turn logs of agents into masked trajectories of one task, each under a fresh alias.

    A folder is a job or a trial of Harbor's: its trials of the task are imported with what their tests said.

    Agent, models, ids, tool names, times, costs and home paths are taken out, and who acted is noted in
    .assay/identities, on this machine only. Habits and rare arguments may still tell: the notes name what was left.
    Either all logs are imported or none.

    \b
    Examples:
      assay import session.json --task ledger-loader
      assay import runs/*/trajectory.json --task ledger-loader --format atif --json
      assay import jobs/2026-01-05__10-00-00 --task ledger-loader
    """
    from assay.sealing.identities import FOLDER, known
    from assay.sealing.maps import seal_fresh

    root = find_root(Path.cwd())
    _demand_task(root, task)
    ready = _without_continuations(list(_read(root, task, logs, form)))
    if alias is not None and max(len(logs), len(ready)) > 1:
        found = f"`--alias` names one attempt, found {max(len(logs), len(ready))} logs"
        raise UsageError("one-alias", found, "import them one by one")
    identities = known(root, task)
    _demand_new(root, task, ready, identities)
    aliases = choose(root, task, alias, len(ready), identities.identities)
    _write(root, task, dict(zip(aliases, ready, strict=True)))
    if as_json:
        click.echo(json.dumps([_summary(task, *pair) for pair in zip(aliases, ready, strict=True)], indent=2))
    else:
        click.echo(_table(aliases, ready))
    if undone := seal_fresh(root, task, _settings(root).seal.recipients):
        click.echo(f"warning: {undone}", err=True)
    where = f"{FOLDER}/{task}.json"
    click.echo(f"who made them is in {where}, on this machine only; keep that file, it cannot be made again", err=True)


def _demand_task(root: Path, task: str) -> None:
    """Without loading the workspace, whose trajectories may be many."""
    folder = root / "tasks"
    known = sorted(child.name for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    if task not in known:
        raise unknown_task(task, known)


def _settings(root: Path) -> Settings:
    """Without loading the workspace."""
    from assay.documents import read, validate
    from assay.model.settings import Settings

    document, _ = read(root / SETTINGS, SETTINGS)
    return (validate(document, Settings)[0] if document else None) or Settings(format=1)


def _read(root: Path, task: str, paths: Sequence[Path], form: str | None) -> Iterator[_Ready]:
    from assay.importers import registry
    from assay.importers.harbor import is_harbor

    importers = registry()
    for warning in importers.warnings:
        click.echo(f"warning: {warning}", err=True)
    for path in _progress(paths):
        if path.is_dir() and is_harbor(path):
            yield from _trials(path, _wanted(root, task), form)
        else:
            name, attempts = importers.read(path, form)
            yield from (_ready(path, name, attempt, {}) for attempt in attempts)


def _ready(source: Path, form: str, imported: Imported, tests: Mapping[str, bytes]) -> _Ready:
    from assay.storage import as_json

    for kind, number in imported.report.skipped.items():
        place = f"{source} ({imported.label})" if imported.label else str(source)
        click.echo(f"warning: {place}: {number} × {kind} skipped, its meaning is not known", err=True)
    return _Ready(
        source=source,
        format=form,
        trajectory=as_json(imported.trajectory, nulls=False),
        identity=imported.identity,
        report=imported.report,
        files=frozenset(file.resolve() for file in imported.files),
        tests=tests,
        label=imported.label,
        patch=imported.patch,
        reported=imported.reported,
    )


def _trials(folder: Path, wanted: Wanted, form: str | None) -> Iterator[_Ready]:
    """The trials of a Harbor job; which ones are left out, and why, goes to standard error."""
    from assay.importers.harbor import Trial, read
    from assay.storage import as_json

    if form is not None:
        raise UsageError("folder-format", f"{folder}: `--format` is for log files, found a folder", "leave it away")
    found = read(folder, wanted)
    trials = [item for item in found if isinstance(item, Trial)]
    click.echo(f"{folder}: {len(trials)} of {len(found)} trials are imported", err=True)
    for item in found:
        if not isinstance(item, Trial):
            click.echo(f"{item.folder}: not imported: {item.reason}", err=True)
    if not trials:
        raise UsageError("no-trial", f"{folder}: holds no trial of `{wanted.id}` with a trajectory")
    for trial in trials:
        tests = {f"tests/{name}.json": as_json(report) for name, report in trial.reports.items()}
        logs = {f"tests/{name}.log": log for name, log in trial.logs.items()}
        yield _ready(trial.folder, "harbor", trial.imported, tests | logs)


def _wanted(root: Path, task: str) -> Wanted:
    from assay.contents import content_hash
    from assay.documents import read, validate
    from assay.importers.harbor import Wanted
    from assay.model.task import TaskFile

    path = f"tasks/{task}/task.toml"
    document, _ = read(root / path, path)
    file = validate(document, TaskFile)[0] if document else None
    if file is None:
        raise UsageError("task-unreadable", f"{path} is not valid, so no results can be read", "run `assay check`")
    return Wanted(task, file, content_hash(root / "tasks" / task))


def _progress(logs: Sequence[Path]) -> Iterable[Path]:
    if len(logs) < 5 or not sys.stderr.isatty():
        return logs
    from rich.console import Console
    from rich.progress import track

    return track(logs, "reading", console=Console(stderr=True), transient=True)


def _without_continuations(ready: list[_Ready]) -> list[_Ready]:
    """Leave out logs that went into another one of the same call."""
    kept = []
    for item in ready:
        mine = item.source.resolve()
        others = [other for other in ready if other.source.resolve() != mine]
        whole = next((other for other in others if mine in other.files), None)
        if whole is not None and whole.source.resolve() not in item.files:
            click.echo(f"{item.source}: is part of {whole.source}, not imported on its own", err=True)
        else:
            kept.append(item)
    return kept


def _demand_new(root: Path, task: str, ready: Sequence[_Ready], known: IdentityMap) -> None:
    """The same bytes twice would count one attempt twice."""
    from assay.importers.building import ATTEMPT

    present = {
        (identity.source_sha256, identity.extra.get(ATTEMPT)): alias
        for alias, identity in known.identities.items()
        if (root / "trajectories" / task / alias).exists()
    }
    for item in ready:
        digest = item.identity.source_sha256, item.identity.extra.get(ATTEMPT)
        if digest in present:
            hint = "nothing was imported; to import it anew, remove that attempt first"
            raise UsageError("already-imported", f"{item.source}: is the same log as `{present[digest]}`", hint)
        present[digest] = str(item.source)


def _write(root: Path, task: str, ready: Mapping[str, _Ready]) -> None:
    """Identities first: a trajectory whose maker was never written down is lost to the study."""
    from assay.sealing.identities import add
    from assay.storage import place_whole

    add(root, task, {alias: item.identity for alias, item in ready.items()})
    for alias, item in ready.items():
        patch = {f"patches/{IMPORTED}.patch": item.patch.encode()} if item.patch else {}
        place_whole(root / "trajectories" / task / alias, {"trajectory.json": item.trajectory, **patch, **item.tests})


def _summary(task: str, alias: str, item: _Ready) -> dict[str, Any]:
    path = f"trajectories/{task}/{alias}/trajectory.json"
    return {"alias": alias, "path": path, "source": str(item.source), "format": item.format, **asdict(item.report)}


def _table(aliases: Sequence[str], ready: Sequence[_Ready]) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 1))
    for name in ("alias", "log", "format", "steps", "calls", "results", "prompt tokens", "completion tokens"):
        table.add_column(name, justify="left" if name in ("alias", "log", "format") else "right", overflow="fold")
    out = StringIO()
    console = Console(file=out, width=120)
    for alias, item in zip(aliases, ready, strict=True):
        report = item.report
        numbers = (report.steps, report.calls, report.observations, report.prompt_tokens, report.completion_tokens)
        cells = ("-" if number is None else f"{number:,}" for number in numbers)
        table.add_row(alias, item.name, item.format, *cells)
    console.print(table)
    details = [line for pair in zip(aliases, ready, strict=True) for line in _details(*pair)]
    return "\n".join([*(line.rstrip() for line in out.getvalue().splitlines()), *details])


def _details(alias: str, item: _Ready) -> Iterator[str]:
    report = item.report
    skipped = [f"{number} × {kind}" for kind, number in report.skipped.items()]
    lists = (("left out", report.dropped), ("masked", report.masked), ("skipped", skipped))
    yield f"{alias}:"
    yield from (f"  {name}: {', '.join(items)}" for name, items in lists if items)
    yield from (f"  note: {note}" for note in report.notes)
