"""`assay calibrate`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import UsageError
from assay.workspace import Task, Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.executors.docker import Engine
    from assay.model.calibration import Calibration, CalibrationMode, TrialResult
    from assay.trials.session import Order

EVIDENCE = ".assay/calibrations"
"""Trajectories of calibration trials; never committed."""
MODES: tuple[CalibrationMode, ...] = ("simulated", "full")


@click.command("calibrate")
@click.argument("tasks", nargs=-1, required=True, metavar="TASK...")
@click.option("--agent", "agents", multiple=True, metavar="NAME", help="Of assay.toml; without it, all of them.")
@click.option("-n", "number", type=click.IntRange(min=1), default=5, show_default=True, help="Trials of each kind.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(MODES), default=MODES, help="Both, unless said.")
@click.option("--from-reference", is_flag=True, help="Also begin at each later milestone, after the reference.")
@click.option("--seed", default="", help="Decides order and wording; without it, the workspace's.")
@click.option("--minutes", type=click.FloatRange(min=0.01), default=60, show_default=True, help="Of the agent's time.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="At once.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibrations as a JSON array.")
def command(
    tasks: tuple[str, ...],
    agents: tuple[str, ...],
    number: int,
    modes: tuple[CalibrationMode, ...],
    from_reference: bool,
    seed: str,
    minutes: float,
    jobs: int,
    as_json: bool,
) -> None:
    """Measure how difficult tasks are: repeated trials of agents, with a simulated user and with everything told.

    Solve rates for each milestone with intervals, what it costs to have to ask, which tests tell attempts apart, and a
    verdict go to tasks/TASK/calibration.json; agents are numbered there, not named. Invalid trials are counted and in
    no rate. The trials themselves stay in .assay/calibrations. Scripted policies can be calibrated with, but their
    results are never a model's.

    \b
    Examples:
      assay calibrate ledger-loader --agent opencode --agent codex
      assay calibrate ledger-loader --agent policy-strong --agent policy-partial -n 3
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    chosen = [workspace.task(name) for name in dict.fromkeys(tasks)]
    names = _names(workspace, agents)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    made = []
    for task in chosen:
        plans = _plans(workspace, task, names, modes, number, seed or workspace.settings.seed, from_reference)
        made.append(_calibrate(workspace, task, plans, seed or workspace.settings.seed, minutes, jobs))
        if not as_json:
            _show(root, task, made[-1])
    if as_json:
        import json

        click.echo(json.dumps([one.model_dump(mode="json") for one in made], indent=2, ensure_ascii=False))


def _names(workspace: Workspace, wanted: Sequence[str]) -> list[str]:
    from assay.agents.builtin import agents_of

    known = agents_of(workspace.settings, sys.executable)
    for name in wanted:
        if name not in known:
            hint = f"there are: {', '.join(sorted(known))}; more are set in assay.toml under [agents.NAME]"
            raise UsageError("unknown-agent", f"no agent is called `{name}`", hint)
    names = list(dict.fromkeys(wanted)) or list(workspace.settings.agents)
    if not names:
        hint = "set some under [agents.NAME], or try the scripts: `--agent policy-strong --agent policy-partial`"
        raise UsageError("no-agents", "assay.toml has no agents", hint)
    return names


def _plans(
    workspace: Workspace,
    task: Task,
    names: Sequence[str],
    modes: Sequence[CalibrationMode],
    number: int,
    seed: str,
    from_reference: bool,
) -> list[Order]:
    """All trials, agents taking turns in each block; modes and starts are alternated block by block."""
    from assay.agents.builtin import agents_of
    from assay.results.calibration import demand_open
    from assay.sealing.order import turns
    from assay.trials.session import Order

    demand_open(workspace, task.id)
    known = agents_of(workspace.settings, sys.executable)
    usable = [mode for mode in modes if mode == "full" or task.user is not None]
    kinds: list[tuple[CalibrationMode, str | None]] = [(mode, None) for mode in usable]
    kinds += [(usable[0], name) for name in task.milestones[1:]] if from_reference and usable else []
    if not kinds:
        raise UsageError("no-user", f"`{task.id}` has no valid user.yaml", "write it, or use `--mode full`")
    orders: list[Order] = []
    for repeat in range(number):
        for kind, (mode, start) in enumerate(kinds):
            for turn in turns(names, seed, task.id, 1, first=repeat * len(kinds) + kind):
                orders.append(Order(turn, known[turn.agent], mode, f"{seed}/{repeat}", len(orders), start))
    return orders


def _calibrate(
    workspace: Workspace, task: Task, orders: Sequence[Order], seed: str, minutes: float, jobs: int
) -> Calibration:
    from assay import __version__
    from assay.contents import content_hash
    from assay.executors.docker import Engine
    from assay.results.calibration import Subject, calibrate
    from assay.sealing.identities import order_key
    from assay.storage import as_json, write_whole

    root = workspace.root
    with Engine.connect(jobs) as engine:
        try:
            results = list(_results(engine, workspace, task, orders, minutes, jobs))
        except BaseException:
            engine.stop()
            raise
    subject = Subject(
        task=task.id,
        content_sha256=content_hash(task.folder),
        milestones=task.milestones,
        harness=f"assay {__version__}",
        seed=seed,
        key=order_key(root),
        thresholds=workspace.settings.calibration,
    )
    made = calibrate(subject, results, task.calibration.record if task.calibration else None)
    write_whole(task.folder / "calibration.json", as_json(made))
    return made


def _results(
    engine: Engine, workspace: Workspace, task: Task, orders: Sequence[Order], minutes: float, jobs: int
) -> Iterator[TrialResult]:
    from concurrent.futures import ThreadPoolExecutor

    from assay.simulation.rephrasing import rephraser
    from assay.storage import place_whole
    from assay.trials.files import evidence
    from assay.trials.measuring import measured
    from assay.trials.running import Study
    from assay.trials.watching import Caps

    root, rubric = workspace.root, task.rubric.record if task.rubric else None
    user = task.user.record if task.user else None
    simulated = any(order.mode == "simulated" for order in orders)
    rephrase = rephraser(workspace.settings.simulation) if simulated else None
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        study = Study(root, task, engine, pool, Caps(seconds=minutes * 60), rephrase=rephrase)
        named = {f"trial-{place + 1:03}": order for place, order in enumerate(orders)}
        for done, (order, recording) in enumerate(study.perform(named, jobs), 1):
            folder = root / EVIDENCE / task.id / engine.run_id / recording.alias
            place_whole(folder, evidence(recording))
            mode: CalibrationMode = "simulated" if order.mode == "simulated" else "full"
            result = measured(recording, order, mode, rubric, user)
            told = result.outcome if recording.ended is None else f"{result.outcome} ({recording.ended.ending})"
            click.echo(f"{task.id}: {done} of {len(orders)}: {order.turn.agent}, {order.mode}: {told}", err=True)
            yield result


def _show(root: Path, task: Task, made: Calibration) -> None:
    from assay.reporters.calibration import as_text

    click.echo(as_text(made))
    click.echo(f"written to {(task.folder / 'calibration.json').relative_to(root)}")
