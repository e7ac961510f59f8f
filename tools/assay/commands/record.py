"""`assay record`."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.aliases import choose
from assay.errors import ExitCode, UsageError
from assay.workspace import Task, find_root, load

if TYPE_CHECKING:
    from assay.trials.recording import Recording
    from assay.trials.sources import Script, Terminal


@click.command("record")
@click.argument("task")
@click.option("--script", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Play an attempt script.")
@click.option("--alias", help="Name of the attempt; without it, a fresh one of two words.")
@click.option("--seconds", type=click.FloatRange(min=1), default=600, show_default=True, help="Limit for each command.")
@click.option("--show-results", is_flag=True, help="Say how the tests came out when a milestone is handed in.")
def command(task: str, script: Path | None, alias: str | None, seconds: float, show_results: bool) -> None:
    """Record a shell attempt at TASK, by you or by a script, as a trajectory.

    The attempt happens in a fresh container without network. Commands, outputs, exit codes and durations, a patch and
    test results for each milestone, and the engine's word on the isolation go to trajectories/TASK/ALIAS when the
    attempt is complete. At the prompt, `:say TEXT` adds a message, `:done` hands in the milestone, `:quit` stops.

    \b
    Examples:
      assay record ledger-loader
      assay record ledger-loader --script attempt.yaml --alias brisk-otter
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    job = workspace.task(task)
    (name,) = choose(root, task, alias)
    source = _source(script, job, show_results)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    recording = _record(root, job, name, source, seconds)
    for milestone in recording.prepared.file.milestones:
        report = recording.final[milestone].report
        verdict = {True: "passed", False: "failed", None: f"{report.outcome}: {report.reason}"}[report.passed]
        click.echo(f"{milestone}: {verdict}")
    click.echo(f"trajectories/{task}/{name}: {len(recording.steps)} steps, {recording.calls} commands")
    if any(done.report.passed is None for done in recording.final.values()):
        raise SystemExit(ExitCode.FINDINGS)


def _source(script: Path | None, task: Task, show_results: bool) -> Script | Terminal:
    from assay.trials.sources import Terminal, read_script

    return read_script(script, task) if script else Terminal(task.id, show_results=show_results)


def _record(root: Path, task: Task, alias: str, source: Script | Terminal, seconds: float) -> Recording:
    from concurrent.futures import ThreadPoolExecutor

    from assay.executors import EngineError
    from assay.executors.docker import Engine
    from assay.executors.owners import scratch
    from assay.images.scan import scan
    from assay.storage import place_whole
    from assay.trials.files import files, partial_files
    from assay.trials.recording import Recording
    from assay.trials.shell_attempt import record
    from assay.verification.preparation import prepare

    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    with Engine.connect() as engine, scratch() as folder:
        recording: Recording | None = None
        try:
            recording = Recording(prepare(engine, task), alias)
            scanned = pool.submit(scan, engine, recording.prepared, root)
            record(engine, recording, source, pool, folder, seconds)
            with suppress(EngineError):  # an attempt without the digest of its image is still an attempt
                recording.filesystem = scanned.result().filesystem_sha256
            if all(step.source != "agent" for step in recording.steps):
                raise EngineError("nothing was said or run, so there is no attempt to grade")
            place_whole(root / "trajectories" / task.id / alias, files(recording))
        except BaseException as error:
            engine.stop()
            if recording is not None:
                _keep(root, task.id, f"{alias}-{engine.run_id}", partial_files(recording))
            if isinstance(error, EngineError):
                hint = "mend what broke it and record the attempt again"
                raise UsageError("attempt-broken-off", str(error), hint) from error
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return recording


def _keep(root: Path, task: str, name: str, contents: Mapping[str, bytes]) -> None:
    """Keep what was recorded before the attempt was broken off, outside the data."""
    from assay.storage import write_whole

    folder = root / ".assay/partial" / task / name
    for path, content in contents.items():
        write_whole(folder / path, content)
    if contents:
        click.echo(f"the attempt is not complete; what there is of it is in {folder.relative_to(root)}", err=True)
