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
    from assay.intake_tables import TableIntake
    from assay.model.settings import Settings


@click.command("import")
@click.argument("logs", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--task", metavar="ID", help="The task that was attempted; of a table of results, the rows to take.")
@click.option(
    "--format", "form", metavar="NAME", help="Importer to use, or `results`; without it, the content decides."
)
@click.option("--only", metavar="PATTERN", help="Which attempts of a log that has several, by their names in it.")
@click.option("--alias", help="Name of the attempt; without it, a fresh one of two words.")
@click.option("--agent", metavar="NAME", help="Whose results they are, where a table does not say.")
@click.option("--model", metavar="NAME", help="That agent's model.")
@click.option("--json", "as_json", is_flag=True, help="Print the import reports as a JSON array.")
def command(
    logs: tuple[Path, ...],
    task: str | None,
    form: str | None,
    only: str | None,
    alias: str | None,
    agent: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Turn logs of agents into masked trajectories of one task, each under a fresh alias.

    A folder is a job or a trial of Harbor's, or the log of an agent that keeps many files. A table of results, such as
    CSV with the columns task, agent, trial and resolved, or a benchmark's report, gives attempts without trajectories:
    they are kept in trajectories/TASK/reported.json.

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
      assay import outcomes.csv
      assay import eval_results.json --agent some-agent --model some-model
    """
    from assay.intake import Intake
    from assay.intake_tables import TableIntake, holds_results

    root = find_root(Path.cwd())
    if task is not None:
        _demand_task(root, task)
    if any(tables := [holds_results(log, form) for log in logs]):
        if not all(tables) or only or alias:
            raise UsageError("mixed-import", "tables of results come alone, without `--only` and `--alias`")
        _tables(TableIntake(root, task, agent, model), logs, as_json)
        return
    if task is None or agent or model:
        raise UsageError("no-task", "a log needs `--task`, and says itself whose it is", "name the task only")
    if alias is not None and len(logs) > 1:
        raise UsageError("one-alias", f"`--alias` names one attempt, found {len(logs)} logs", "import them one by one")
    _logs(Intake(root, task, form, only, alias, _settings(root).mask), logs, as_json)


def _logs(intake: Intake, logs: Sequence[Path], as_json: bool) -> None:
    from assay.importers import registry
    from assay.reporters.imports import summary, table
    from assay.sealing.identities import FOLDER
    from assay.sealing.maps import seal_fresh

    for warning in registry().warnings:
        click.echo(f"warning: {warning}", err=True)
    imported = _all(intake, logs)
    if imported and (undone := seal_fresh(intake.root, intake.task, _settings(intake.root).seal.recipients)):
        click.echo(f"warning: {undone}", err=True)
    if as_json:
        click.echo(json.dumps([summary(intake.task, *pair) for pair in imported.items()], indent=2))
    elif imported:
        click.echo(table(imported))
    if imported:
        where = f"{FOLDER}/{intake.task}.json"
        click.echo(
            f"who made them is in {where}, on this machine only; keep that file, it cannot be made again", err=True
        )
    for failure in intake.failures:
        click.echo(failure.render(), err=True)
    if intake.failures:
        if len(logs) > 1:
            click.echo(f"{len(intake.failures)} of {len(logs)} logs were not imported", err=True)
        raise SystemExit(ExitCode.USAGE)


def _tables(intake: TableIntake, paths: Sequence[Path], as_json: bool) -> None:
    from assay.reporters.imports import results, results_table
    from assay.sealing.identities import FOLDER
    from assay.sealing.maps import seal_fresh

    imported = intake.take(paths)
    for remark in intake.remarks:
        click.echo(remark, err=True)
    click.echo(json.dumps(results(imported), indent=2) if as_json else results_table(imported))
    for task in imported:
        if undone := seal_fresh(intake.root, task, _settings(intake.root).seal.recipients):
            click.echo(f"warning: {undone}", err=True)
    if imported:
        click.echo(f"whose they are is in {FOLDER}, on this machine only; it cannot be made again", err=True)


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
