"""`assay import`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.aliases import choose
from assay.errors import UsageError
from assay.workspace import find_root, unknown_task

if TYPE_CHECKING:
    from assay.importers import ImportReport
    from assay.model.identity import Identity, IdentityMap

IDENTITIES = ".assay/identities"
"""Who made what, until it is sealed; only on this machine."""


@dataclass(frozen=True)
class _Ready:
    """A log that was read, and what will be written."""

    source: Path
    format: str
    trajectory: bytes
    identity: Identity
    report: ImportReport
    files: frozenset[Path]


@click.command("import")
@click.argument(
    "logs", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--task", required=True, metavar="ID", help="The task that was attempted.")
@click.option("--format", "form", metavar="NAME", help="Importer to use; without it, the content decides.")
@click.option("--alias", help="Name of the attempt; without it, a fresh one of two words.")
@click.option("--json", "as_json", is_flag=True, help="Print the import reports as a JSON array.")
def command(logs: tuple[Path, ...], task: str, form: str | None, alias: str | None, as_json: bool) -> None:
    """Turn logs of agents into masked trajectories of one task, each under a fresh alias.

    Agent, models, ids, tool names, times, costs and home paths are taken out, and who acted is noted in
    .assay/identities, on this machine only. Habits and rare arguments may still tell: the notes name what was left.
    Either all logs are imported or none.

    \b
    Examples:
      assay import session.json --task ledger-loader
      assay import runs/*/trajectory.json --task ledger-loader --format atif --json
    """
    root = find_root(Path.cwd())
    _demand_task(root, task)
    if alias is not None and len(logs) > 1:
        raise UsageError("one-alias", f"`--alias` names one attempt, found {len(logs)} logs", "import them one by one")
    ready = _without_continuations(list(_read(logs, form)))
    known = _identities(root, task)
    _demand_new(root, task, ready, known)
    aliases = choose(root, task, alias, len(ready), known.identities)
    _write(root, task, dict(zip(aliases, ready, strict=True)), known)
    if as_json:
        click.echo(json.dumps([_summary(task, *pair) for pair in zip(aliases, ready, strict=True)], indent=2))
    else:
        click.echo(_table(aliases, ready))
    where = f"{IDENTITIES}/{task}.json"
    click.echo(f"who made them is in {where}, on this machine only; keep that file, it cannot be made again", err=True)


def _demand_task(root: Path, task: str) -> None:
    """Without loading the workspace, whose trajectories may be many."""
    folder = root / "tasks"
    known = sorted(child.name for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    if task not in known:
        raise unknown_task(task, known)


def _read(logs: Sequence[Path], form: str | None) -> Iterator[_Ready]:
    from assay.importers import registry
    from assay.storage import as_json

    importers = registry()
    for warning in importers.warnings:
        click.echo(f"warning: {warning}", err=True)
    for log in _progress(logs):
        name, imported = importers.read(log, form)
        for kind, number in imported.report.skipped.items():
            click.echo(f"warning: {log}: {number} × {kind} skipped, its meaning is not known", err=True)
        yield _Ready(
            source=log,
            format=name,
            trajectory=as_json(imported.trajectory, nulls=False),
            identity=imported.identity,
            report=imported.report,
            files=frozenset(file.resolve() for file in imported.files),
        )


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
        whole = next((other for other in ready if other is not item and mine in other.files), None)
        if whole is not None and mine != whole.source.resolve() and whole.source.resolve() not in item.files:
            click.echo(f"{item.source}: is part of {whole.source}, not imported on its own", err=True)
        else:
            kept.append(item)
    return kept


def _identities(root: Path, task: str) -> IdentityMap:
    from assay.documents import read, validate
    from assay.model.identity import IdentityMap

    path = f"{IDENTITIES}/{task}.json"
    if not (root / path).exists():
        return IdentityMap(format=1, task=task, identities={})
    document, found = read(root / path, path)
    record, more = validate(document, IdentityMap) if document else (None, [])
    if record is None or found:
        first = [*found, *more][0]
        message = f"{path}:{first.line}:{first.column}: {first.message}"
        raise UsageError("identities-unreadable", message, "mend it or move it away; nothing was imported")
    return record


def _demand_new(root: Path, task: str, ready: Sequence[_Ready], known: IdentityMap) -> None:
    """The same bytes twice would count one attempt twice."""
    present = {
        identity.source_sha256: alias
        for alias, identity in known.identities.items()
        if (root / "trajectories" / task / alias).exists()
    }
    for item in ready:
        digest = item.identity.source_sha256
        if digest in present:
            hint = "nothing was imported; to import it anew, remove that attempt first"
            raise UsageError("already-imported", f"{item.source}: is the same log as `{present[digest]}`", hint)
        present[digest] = str(item.source)


def _write(root: Path, task: str, ready: dict[str, _Ready], known: IdentityMap) -> None:
    """Identities first: a trajectory whose maker was never written down is lost to the study."""
    from assay.storage import as_json, write_whole

    folder = root / IDENTITIES
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    identities = known.identities | {alias: item.identity for alias, item in ready.items()}
    file = folder / f"{task}.json"
    write_whole(file, as_json(known.model_copy(update={"identities": identities})))
    file.chmod(0o600)
    for alias, item in ready.items():
        write_whole(root / "trajectories" / task / alias / "trajectory.json", item.trajectory)


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
        table.add_row(alias, item.source.name, item.format, *cells)
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
