"""`assay import`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import ExitCode, UsageError
from assay.workspace import SETTINGS, find_root, unknown_task

if TYPE_CHECKING:
    from assay.intake import Intake, Ready
    from assay.model.settings import Settings


@click.command("import")
@click.argument("logs", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--task", required=True, metavar="ID", help="The task that was attempted.")
@click.option("--format", "form", metavar="NAME", help="Importer to use; without it, the content decides.")
@click.option("--only", metavar="PATTERN", help="Which attempts of a log that has several, by their names in it.")
@click.option("--alias", help="Name of the attempt; without it, a fresh one of two words.")
@click.option("--json", "as_json", is_flag=True, help="Print the import reports as a JSON array.")
def command(
    logs: tuple[Path, ...], task: str, form: str | None, only: str | None, alias: str | None, as_json: bool
) -> None:
    """Turn logs of agents into masked trajectories of one task, each under a fresh alias.

    A folder is a job or a trial of Harbor's, or the log of an agent that keeps many files.

    Agent, models, ids, tool names, times, costs and home paths are taken out, and who acted is noted in
    .assay/identities, on this machine only, and sealed where assay.toml names recipients. Habits and rare arguments may
    still tell: the notes name what was left. An attempt is imported whole or not at all; what is there already is
    skipped, so an import that was interrupted can be started again.

    \b
    Examples:
      assay import session.json --task ledger-loader
      assay import runs/*/trajectory.json --task ledger-loader --format atif --json
      assay import study.eval --task ledger-loader --only 'ledger/*'
      assay import jobs/2026-01-05__10-00-00 --task ledger-loader
    """
    from assay.importers import registry
    from assay.intake import Intake
    from assay.reporters.imports import summary, table
    from assay.sealing.identities import FOLDER
    from assay.sealing.maps import seal_fresh

    root = find_root(Path.cwd())
    _demand_task(root, task)
    if alias is not None and len(logs) > 1:
        raise UsageError("one-alias", f"`--alias` names one attempt, found {len(logs)} logs", "import them one by one")
    for warning in registry().warnings:
        click.echo(f"warning: {warning}", err=True)
    intake = Intake(root, task, form, only, alias)
    imported = _all(intake, logs)
    if imported and (undone := seal_fresh(root, task, _settings(root).seal.recipients)):
        click.echo(f"warning: {undone}", err=True)
    if as_json:
        click.echo(json.dumps([summary(task, *pair) for pair in imported.items()], indent=2))
    elif imported:
        click.echo(table(imported))
    if imported:
        where = f"{FOLDER}/{task}.json"
        click.echo(
            f"who made them is in {where}, on this machine only; keep that file, it cannot be made again", err=True
        )
    for failure in intake.failures:
        click.echo(failure.render(), err=True)
    if intake.failures:
        if len(logs) > 1:
            click.echo(f"{len(intake.failures)} of {len(logs)} logs were not imported", err=True)
        raise SystemExit(ExitCode.USAGE)


def _all(intake: Intake, logs: Sequence[Path]) -> dict[str, Ready]:
    """Import batch by batch, and say what is skipped as it happens."""
    from assay.intake import batches
    from assay.progress import advancing

    imported: dict[str, Ready] = {}
    with advancing("importing", len(logs)) as advance:
        for batch in batches(logs):
            fresh = intake.batch(batch)
            advance(len(batch))
            imported |= fresh
            for remark in (*intake.remarks, *_skipped(fresh)):
                click.echo(remark, err=True)
            intake.remarks.clear()
    return imported


def _skipped(fresh: dict[str, Ready]) -> list[str]:
    return [
        f"warning: {item.source.parent / item.name}: {number} × {kind} skipped, its meaning is not known"
        for item in fresh.values()
        for kind, number in item.report.skipped.items()
    ]


def _demand_task(root: Path, task: str) -> None:
    """Without loading the workspace, whose trajectories may be many."""
    folder = root / "tasks"
    known = sorted(child.name for child in folder.iterdir() if child.is_dir()) if folder.is_dir() else []
    if task not in known:
        raise unknown_task(task, known)


def _settings(root: Path) -> Settings:
    from assay.documents import read, validate
    from assay.model.settings import Settings

    document, _ = read(root / SETTINGS, SETTINGS)
    return (validate(document, Settings)[0] if document else None) or Settings(format=1)
