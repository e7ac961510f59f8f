"""`assay replay`."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import ExitCode
from assay.workspace import Task, find_root, load

if TYPE_CHECKING:
    from assay.model.outcome import Proof
    from assay.replay.replays import Replay
    from assay.replay.workplace import Workplace


def _shard(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", value)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"a shard is like `2/3`, the second of three; found `{value}`", ctx, param)
    return int(found[1]), int(found[2])


@click.command("replay")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--repeat", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of the oracle.")
@click.option("--hijack/--no-hijack", default=True, show_default=True, help="Try to forge a verdict.")
@click.option("--mutants", type=click.IntRange(min=0), default=10, show_default=True, help="At most; 0 for none.")
@click.option("--trajectories/--no-trajectories", default=True, show_default=True, help="Re-test attempts too.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="At once.")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of a Dask scheduler, each with its engine.")
@click.option("--shard", metavar="I/N", default="1/1", callback=_shard, help="The I-th of N parts, for CI matrices.")
@click.option("--if-changed", is_flag=True, help="Leave out tasks that this machine has proven as they are.")
@click.option("--fresh", is_flag=True, help="Do not go on from a replay that was cut off.")
@click.option("--json", "as_json", is_flag=True, help="Print the proofs as a JSON array.")
def command(
    tasks: tuple[str, ...],
    repeat: int,
    hijack: bool,
    mutants: int,
    trajectories: bool,
    jobs: int,
    scheduler: str | None,
    shard: tuple[int, int],
    if_changed: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Prove tasks by running them in fresh containers, and run the tests of their trajectories again.

    An untouched image must fail every milestone, each reference solution must pass exactly the milestones so far, and
    all of them together must pass everything, every time. Then plants try to forge a verdict, and small faults are put
    into the reference to see which the tests notice. Evidence is added below .assay/replays; a replay that was cut off
    is gone on with. Without TASK, all tasks.

    \b
    Examples:
      assay replay
      assay replay ledger-loader --repeat 5 --mutants 30
      assay replay --if-changed
      assay replay --shard 2/3 --json
    """
    from assay.replay.replays import Replay, Wanted

    root = find_root(Path.cwd())
    workspace = load(root)
    chosen = _part([workspace.task(name) for name in dict.fromkeys(tasks or workspace.tasks)], shard, as_json)
    if not chosen:
        if as_json:
            click.echo("[]")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted = Wanted(repeat, hijack, mutants, fresh)
    proofs = []
    with connected(scheduler, jobs) as workplace:
        attempts = workspace.attempts if trajectories else {}
        replays = [
            Replay(root, workplace.run_id, task, list(attempts.get(task.id, {}).values()), wanted) for task in chosen
        ]
        for item, proof in _proofs(replays, workplace, if_changed):
            proofs.append(proof)
            if not as_json:
                _show(root, item, proof)
    if as_json:
        import json

        click.echo(json.dumps([_plain(proof) for proof in proofs], indent=2, ensure_ascii=False))
    if any(proof.verdict != "proven" for proof in proofs):
        raise SystemExit(ExitCode.FINDINGS)


def _part(tasks: Sequence[Task], shard: tuple[int, int], quiet: bool) -> list[Task]:
    """Whole tasks, so that each part's proofs are complete and nothing has to be put together afterwards."""
    place, count = shard
    if count == 1:
        return list(tasks)
    part = sorted(tasks, key=lambda task: task.id)[place - 1 :: count]
    if not quiet:
        names = ", ".join(task.id for task in part) or "nothing to do"
        click.echo(f"shard {place}/{count}: {len(part)} of {len(tasks)} tasks: {names}")
    return part


@contextmanager
def connected(scheduler: str | None, jobs: int) -> Iterator[Workplace]:
    """This machine's engine, or the workers of a scheduler; whatever ends the work early also ends the containers."""
    if scheduler:
        from assay.replay.cluster import Cluster

        with Cluster.connect(scheduler) as cluster:
            yield cluster
        return
    from assay.executors.docker import Engine
    from assay.replay.workplace import Here

    with Engine.connect(jobs) as engine:
        here = Here(engine, jobs)
        try:
            yield here
        except BaseException:
            engine.stop()
            raise
        finally:
            here.close()


def _proofs(replays: Sequence[Replay], workplace: Workplace, if_changed: bool) -> Iterator[tuple[Replay, Proof]]:
    """Proofs as they are finished, earlier ones first."""
    from assay.progress import StageProgress
    from assay.replay.replays import replay

    left = []
    for item in replays:
        proof = item.still_proven(workplace) if if_changed else None
        if proof:
            yield item, proof
        else:
            left.append(item)
    with StageProgress(left) as progress:
        yield from replay(left, workplace, progress)


def _plain(proof: Proof) -> dict[str, object]:
    """The proof as JSON, with the conclusions that its file leaves to the reader."""
    stages = [stage.model_dump(mode="json") | {"holds": stage.holds} for stage in proof.stages]
    return proof.model_dump(mode="json") | {"verdict": proof.verdict, "stages": stages}


def _show(root: Path, item: Replay, proof: Proof) -> None:
    from assay.replay.drafting import drafts
    from assay.reporters.proofs import as_text

    folder = item.folder.relative_to(root)
    earlier = not item.stages
    for line in as_text(proof, folder, earlier=earlier):
        click.echo(line)
    written = [] if earlier or proof.verdict == "proven" else drafts(root, proof, item.folder)
    if written:
        what = "a draft of an escalation" if len(written) == 1 else f"{len(written)} drafts of escalations"
        click.echo(f"  {what}: assay escalate --from {folder}")
