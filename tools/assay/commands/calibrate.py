"""`assay calibrate`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from assay.errors import UsageError
from assay.model.calibration import CalibrationMode, SimulatorVerdict
from assay.workspace import Task, Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.executors.docker import Engine
    from assay.model.calibration import Calibration, CalibrationRun, TrialResult
    from assay.trials.session import Order

EVIDENCE = ".assay/calibrations"
"""Trajectories of calibration trials, and what a calibration was computed from; never committed."""
RESULTS = "results.json"
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
@click.option(
    "--review",
    "reviews",
    multiple=True,
    metavar="TRIAL=VERDICT",
    help="Run nothing: what the simulated user did to a trial of the last calibration: ok, minor, helped or hindered.",
)
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
    reviews: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure how difficult tasks are: repeated trials of agents, with a simulated user and with everything told.

    Solve rates for each milestone with intervals, what it costs to have to ask, which tests tell attempts apart, and a
    verdict go to tasks/TASK/calibration.json; agents are numbered there, not named. Invalid trials are counted and in
    no rate. The trials themselves stay in .assay/calibrations. Scripted policies can be calibrated with, but their
    results are never a model's. Who has read a trial and found that the simulated user helped or hindered the agent
    says so with `--review`: such a trial is in no rate either.

    \b
    Examples:
      assay calibrate ledger-loader --agent opencode --agent codex
      assay calibrate ledger-loader --agent policy-strong --agent policy-partial -n 3
      assay calibrate ledger-loader --review trial-004=hindered
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    chosen = [workspace.task(name) for name in dict.fromkeys(tasks)]
    if reviews:
        _review(workspace, chosen, reviews)
        return
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
    from assay.contents import content_hash, file_hash
    from assay.executors.docker import Engine
    from assay.model.calibration import CalibrationRun
    from assay.storage import as_json, write_whole

    user = task.folder / "user.yaml"
    with Engine.connect(jobs) as engine:
        try:
            results = list(_results(engine, workspace, task, orders, minutes, jobs))
        except BaseException:
            engine.stop()
            raise
        folder = workspace.root / EVIDENCE / task.id / engine.run_id
    run = CalibrationRun(
        format=1,
        content_sha256=content_hash(task.folder),
        user_sha256=file_hash(user) if any(result.mode == "simulated" for result in results) else None,
        harness=f"assay {__version__}",
        seed=seed,
        results=results,
        previous=task.calibration.record if task.calibration else None,
    )
    write_whole(folder / RESULTS, as_json(run))
    return _computed(workspace, task, run)


def _computed(workspace: Workspace, task: Task, run: CalibrationRun) -> Calibration:
    """Write what the trials of a run say."""
    from assay.results.calibration import Subject, calibrate
    from assay.sealing.identities import order_key
    from assay.storage import as_json, write_whole

    subject = Subject(
        task=task.id,
        content_sha256=run.content_sha256,
        user_sha256=run.user_sha256,
        milestones=task.milestones,
        harness=run.harness,
        seed=run.seed,
        key=order_key(workspace.root),
        thresholds=workspace.settings.calibration,
    )
    made = calibrate(subject, run.results, run.previous)
    write_whole(task.folder / "calibration.json", as_json(made))
    return made


def _review(workspace: Workspace, tasks: Sequence[Task], reviews: Sequence[str]) -> None:
    """Note what a person found of trials, and compute the calibration again."""
    from assay.storage import as_json, write_whole

    if len(tasks) > 1:
        raise UsageError("one-task", f"trials of one task are reviewed at a time, found {len(tasks)}")
    (task,) = tasks
    file, run = _last(workspace.root, task)
    results = list(run.results)
    for review in reviews:
        name, _, verdict = review.partition("=")
        number = name.removeprefix("trial-")
        place = int(number) if number.isdecimal() else 0
        if not 0 < place <= len(results) or verdict not in get_args(SimulatorVerdict):
            hint = f"say trial-001 to trial-{len(results):03}, and one of {', '.join(get_args(SimulatorVerdict))}"
            raise UsageError("bad-review", f"`{review}` is no review of a trial in {file.parent}", hint)
        results[place - 1] = results[place - 1].model_copy(update={"simulator": verdict})
    run = run.model_copy(update={"results": results})
    write_whole(file, as_json(run))
    _show(workspace.root, task, _computed(workspace, task, run))


def _last(root: Path, task: Task) -> tuple[Path, CalibrationRun]:
    """The newest calibration of a task on this machine."""
    from assay.documents import read, validate
    from assay.model.calibration import CalibrationRun

    files = (root / EVIDENCE / task.id).glob(f"*/{RESULTS}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True):
        document, _ = read(file, str(file))
        run = validate(document, CalibrationRun)[0] if document else None
        if run:
            return file, run
    hint = f"run `assay calibrate {task.id}` here first: trials are kept on the machine that ran them"
    raise UsageError("no-calibration", f"no trials of `{task.id}` are in {EVIDENCE}", hint)


def _results(
    engine: Engine, workspace: Workspace, task: Task, orders: Sequence[Order], minutes: float, jobs: int
) -> Iterator[TrialResult]:
    from concurrent.futures import ThreadPoolExecutor

    from assay.sealing.identities import order_key
    from assay.simulation.rephrasing import rephraser
    from assay.storage import place_whole
    from assay.trials.files import evidence
    from assay.trials.measuring import measured
    from assay.trials.running import Study
    from assay.trials.watching import Caps

    root, rubric = workspace.root, task.rubric.record if task.rubric else None
    user = task.user.record if task.user else None
    simulated = any(order.mode == "simulated" for order in orders)
    rephrase = rephraser(workspace.settings.simulation, order_key(root)) if simulated else None
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
