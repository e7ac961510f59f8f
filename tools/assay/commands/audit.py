"""`assay audit`."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.audit.folder import TaskFolder
from assay.diagnostics import Diagnostic
from assay.errors import ExitCode, UsageError
from assay.workspace import SETTINGS, Task, find_root

if TYPE_CHECKING:
    from assay.audit.sets import Place, Result

FORMATS = ("text", "json", "csv")
PROGRESS_FROM = 50
"""Tasks from which a terminal sees progress."""


@click.command("audit")
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@click.option("--replay", is_flag=True, help="Run the tasks too: a second verdict, from what they do.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE", help="Severities: a TOML file with [rules].")
@click.option("--corpus", type=click.Path(path_type=Path), metavar="FILE", help="JSONL of texts no task may repeat.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="At once.")
def command(
    folders: tuple[Path, ...], replay: bool, form: str, policy: Path | None, corpus: Path | None, jobs: int
) -> None:
    """Audit task folders, ours or not: a verdict PASS, WARN or FAIL for each, and what it rests on.

    DIR is a task of Harbor 1.0 to 1.4 (task.toml) or Terminal-Bench (task.yaml), or a folder that holds such tasks at
    any depth. Without DIR, the tasks of this workspace. Errors make FAIL, warnings WARN; exit code 1 when any task
    fails. Severities come from --policy, otherwise from the [rules] of the workspace.

    \b
    Examples:
      assay audit
      assay audit ~/benchmarks/tasks --format csv
      assay audit some-task --replay
      assay audit tasks --corpus published.jsonl --policy strict.toml
    """
    from assay.audit.sets import places, uniform_difficulty

    rules = _policy(policy, folders[0] if folders else Path.cwd())
    known = _corpus(corpus)
    found = places(_roots(folders))
    if not found:
        where = ", ".join(f"`{folder}`" for folder in folders) or "`tasks` of this workspace"
        raise UsageError("no-tasks", f"there is no task in {where}", "a task folder holds task.toml or task.yaml")
    results = _read(found, rules, jobs)
    results, notes = _compared(results, known, rules)
    same = uniform_difficulty(results) if rules.get("difficulty-uniform") != "off" else None
    if same is not None:
        notes.append(f"difficulty-uniform: all {len(results)} tasks declare `{same}`")
    if replay:
        results = _replayed(results, rules, jobs)
    _print(results, notes, form, replayed=replay)
    if any(item.audited.overall == "FAIL" for item in results):
        raise SystemExit(ExitCode.FINDINGS)


def _read(found: Sequence[Place], rules: Mapping[str, str], jobs: int) -> list[Result]:
    from assay.audit.sets import audit_all

    results = audit_all(found, rules, jobs)
    if len(found) < PROGRESS_FROM or not sys.stderr.isatty():
        return list(results)
    with click.progressbar(results, length=len(found), label="reading", file=sys.stderr) as shown:
        return list(shown)


def _roots(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    if not folders:
        root = find_root(Path.cwd())
        return [(root / "tasks", os.path.relpath(root / "tasks"))]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError("no-such-folder", f"`{folder}` is not a folder", "name task folders, or a folder of them")
    return [(folder.resolve(), folder.as_posix()) for folder in folders]


def _policy(file: Path | None, start: Path) -> Mapping[str, str]:
    """Severities by rule id: those of `file`, otherwise those of the workspace that `start` lies in."""
    from assay.audit import all_task_rules
    from assay.documents import read, validate
    from assay.model.policy import Policy
    from assay.reporters.text import line
    from assay.rules import all_rules

    path = file or _settings(start)
    if path is None:
        return {}
    document, problems = read(path, path.as_posix())
    record, misfits = validate(document, Policy) if document else (None, [])
    if document is None or record is None or problems:
        shown = "\n  ".join(map(line, [*problems, *misfits]))
        hint = "give rules a severity under [rules]"
        raise UsageError("policy-invalid", f"the policy cannot be used\n  {shown}", hint)
    known = [*all_task_rules(), *all_rules()]
    for id in record.rules:
        if id not in known:
            place = document.key_position(("rules", id))
            close = get_close_matches(id, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "`assay explain` lists all rules"
            message = f"{path.as_posix()}:{place.line}:{place.column}: there is no rule `{id}`"
            raise UsageError("policy-unknown-rule", message, hint)
    return dict(record.levels)


def _settings(start: Path) -> Path | None:
    try:
        return find_root(start) / SETTINGS
    except UsageError:
        return None


def _corpus(file: Path | None) -> Mapping[str, str]:
    if file is None:
        return {}
    from assay.audit.similarity import read_corpus, require

    require()
    return read_corpus(file)


def _compared(
    results: list[Result], corpus: Mapping[str, str], policy: Mapping[str, str]
) -> tuple[list[Result], list[str]]:
    """The results with what comparing the instructions showed, and what to say of comparisons that were not made."""
    from assay.audit.sets import contaminated, duplicates, with_findings
    from assay.audit.similarity import contamination, near_duplicates, require
    from assay.errors import EnvironmentMissingError

    texts = {item.place.shown: item.instruction for item in results if item.instruction.strip()}
    try:
        require()
    except EnvironmentMissingError as error:
        return results, [f"near-duplicates: not assessed ({error.hint})"]
    if len(texts) > 1:
        results = with_findings(results, duplicates(results, near_duplicates(texts)), policy)
    if corpus:
        results = with_findings(results, contaminated(results, contamination(texts, corpus)), policy)
    return results, []


def _replayed(results: Sequence[Result], policy: Mapping[str, str], jobs: int) -> list[Result]:
    """The results with what running the tasks showed. A task without a reference solution is not run."""
    from assay.audit import graded
    from assay.audit.behaviour import findings, is_assessed
    from assay.commands.replay import connected
    from assay.executors.owners import scratch
    from assay.progress import StageProgress
    from assay.replay.replays import Replay, Wanted, replay

    settings = _settings(Path.cwd())
    root = settings.parent if settings else Path.cwd()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with connected(None, jobs) as workplace, scratch() as store:
        tasks, audited = _subjects(results, store, policy)
        replays = [Replay(root, workplace.run_id, task, [], Wanted()) for task in tasks.values()]
        names = {task.id: shown for shown, task in tasks.items()}
        with StageProgress(replays) as progress:
            for item, proof in replay(replays, workplace, progress):
                shown = names[item.task.id]
                run = graded(findings(TaskFolder(audited[shown].place.path, shown), proof), policy)
                audited[shown] = _ran(audited[shown], run, assessed=is_assessed(proof))
    return list(audited.values())


def _subjects(
    results: Sequence[Result], store: Path, policy: Mapping[str, str]
) -> tuple[dict[str, Task], dict[str, Result]]:
    """By path: the tasks that can be run, and all results, with the reason at those that cannot.

    A task is called by its folder and a digest of its path: its evidence never mixes with that of another task.
    """
    from assay.audit import graded
    from assay.audit.behaviour import refused
    from assay.replay.subjects import subject

    tasks: dict[str, Task] = {}
    audited: dict[str, Result] = {}
    for item in results:
        path, shown = item.place.path, item.place.shown
        folder = TaskFolder(path, shown)
        audited[shown] = item
        if folder.document is None or not all(goal.solutions for goal in folder.goals):
            continue
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
        try:
            tasks[shown] = subject(path, store, f"{path.name[:50]}-{digest}")
        except UsageError as error:
            audited[shown] = _ran(item, graded([refused(folder, error.message)], policy), assessed=False)
    return tasks, audited


def _ran(result: Result, found: tuple[Diagnostic, ...], *, assessed: bool) -> Result:
    return result._replace(audited=replace(result.audited, run=found, assessed=assessed))


def _print(results: Sequence[Result], notes: Sequence[str], form: str, *, replayed: bool) -> None:
    from assay.reporters import audits

    audited = [item.audited for item in results]
    if form == "text":
        click.echo(audits.text(audited, notes, replayed=replayed))
        return
    click.echo(audits.json(audited) if form == "json" else audits.table(audited))
    for note in notes:
        click.echo(note, err=True)
