"""`assay replay`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import ExitCode
from assay.workspace import Task, Workspace, find_root, load

if TYPE_CHECKING:
    from assay.model.outcome import Proof, Stage
    from assay.replay import Request


@click.command("replay")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Runs of the oracle.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="At once.")
@click.option("--trajectories/--no-trajectories", default=True, show_default=True, help="Re-test attempts too.")
@click.option("--if-changed", is_flag=True, help="Leave out tasks that this machine has proven as they are.")
@click.option("--json", "as_json", is_flag=True, help="Print the proofs as a JSON array.")
def command(
    tasks: tuple[str, ...], repeat: int, jobs: int, trajectories: bool, if_changed: bool, as_json: bool
) -> None:
    """Prove tasks by running them in fresh containers, and run the tests of their trajectories again.

    An untouched image must fail every milestone, each reference solution must pass exactly the milestones so far, and
    all of them together must pass everything. Evidence is added below .assay/replays. Without TASK, all tasks.

    \b
    Examples:
      assay replay
      assay replay ledger-loader --repeat 5
      assay replay --if-changed
      assay replay --no-trajectories --json
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    chosen = [workspace.task(name) for name in dict.fromkeys(tasks or workspace.tasks)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    done: list[tuple[Request, Proof]] = []
    options = Options(repeat, jobs, trajectories, if_changed)
    for item, proof in _proofs(root, workspace, chosen, options):
        done.append((item, proof))
        if not as_json:
            for line in _lines(root, item, proof):
                click.echo(line)
    if as_json:
        import json

        click.echo(json.dumps([_plain(proof) for _, proof in done], indent=2, ensure_ascii=False))
    if any(proof.verdict != "proven" for _, proof in done):
        raise SystemExit(ExitCode.FINDINGS)


@dataclass(frozen=True)
class Options:
    """What the command line asks of a replay."""

    repeat: int
    jobs: int
    trajectories: bool
    if_changed: bool


def _proofs(
    root: Path, workspace: Workspace, tasks: Sequence[Task], options: Options
) -> Iterator[tuple[Request, Proof]]:
    """Proofs as they are finished, earlier ones first; whatever ends this early also ends the containers."""
    from concurrent.futures import ThreadPoolExecutor

    from assay.executors.docker import Engine
    from assay.progress import StageProgress
    from assay.replay import replay, request, still_proven

    with Engine.connect(options.jobs) as engine:
        attempts = workspace.attempts if options.trajectories else {}
        asked = [
            request(root, engine, task, list(attempts.get(task.id, {}).values()), options.repeat) for task in tasks
        ]
        items = []
        for item in asked:
            proof = still_proven(item, engine) if options.if_changed else None
            if proof:
                yield item, proof
            else:
                items.append(item)
        pool = ThreadPoolExecutor(options.jobs, thread_name_prefix="replay")
        try:
            with StageProgress(items) as progress:
                yield from replay(items, engine, pool, progress)
        except BaseException:
            engine.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _plain(proof: Proof) -> dict[str, object]:
    """The proof as JSON, with the conclusions that its file leaves to the reader."""
    stages = [stage.model_dump(mode="json") | {"holds": stage.holds} for stage in proof.stages]
    return proof.model_dump(mode="json") | {"verdict": proof.verdict, "stages": stages}


def _lines(root: Path, item: Request, proof: Proof) -> Iterator[str]:
    """The verdict in one line, then one paragraph for each stage that does not hold."""
    earlier = datetime.fromisoformat(proof.finished) < item.started
    when = f"unchanged since {proof.finished[:19]}Z" if earlier else f"{_seconds(proof):.1f} s"
    yield f"{proof.task}: {proof.verdict} ({_summary(item, proof)}) {when}"
    for stage in proof.stages:
        if stage.holds is not True:
            yield from _explained(stage, item.folder.relative_to(root))
        for note in stage.notes:
            yield f"  {stage.name}: note: {note}"


def _seconds(proof: Proof) -> float:
    return (datetime.fromisoformat(proof.finished) - datetime.fromisoformat(proof.started)).total_seconds()


def _summary(item: Request, proof: Proof) -> str:
    kinds: dict[str, list[Stage]] = {kind: [] for kind in ("no-op", "ladder", "oracle", "trajectory")}
    for stage in proof.stages:
        kinds[stage.kind].append(stage)
    held = {kind: sum(stage.holds is True for stage in stages) for kind, stages in kinds.items()}
    parts = ["no-op fails" if held["no-op"] else "no-op does not fail"]
    if kinds["ladder"]:
        parts.append(f"ladder {held['ladder']}/{len(kinds['ladder'])}")
    parts.append(f"oracle {held['oracle']}/{len(kinds['oracle'])}")
    text = ", ".join(parts)
    if kinds["trajectory"]:
        count = len(kinds["trajectory"])
        text += f"; {held['trajectory']} of {count} trajector{'y reproduces' if count == 1 else 'ies reproduce'}"
    return text


def _explained(stage: Stage, folder: Path) -> Iterator[str]:
    place = folder / (stage.name if stage.attempt == 1 else f"{stage.name}-{stage.attempt}")
    if stage.holds is None:
        yield f"  {stage.name}: {stage.outcome}: {stage.reason}"
        yield f"    evidence: {place}"
        return
    for report in stage.reports:
        if report.passed is stage.expected.get(report.milestone):
            continue
        wanted, found = ("pass", "failed") if stage.expected.get(report.milestone) else ("fail", "passed")
        yield f"  {stage.name}: tests of `{report.milestone}` must {wanted}; they {found}"
        failing = [test.name for test in report.tests if test.status in ("failed", "error")]
        if failing and wanted == "pass":
            yield f"    failing: {', '.join(failing)}"
        yield f"    log: {place / f'{report.milestone}.log'}"
    for difference in stage.differences:
        yield f"  {stage.name}: {difference}"
