"""`assay run`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.aliases import choose
from assay.errors import ExitCode, UsageError
from assay.workspace import Task, Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.model.agents import AgentSettings
    from assay.model.session import Mode
    from assay.simulation.contract import User
    from assay.trials.recording import Recording
    from assay.trials.session import Controls, Order

BLIND = "blind"


@click.command("run")
@click.argument("task")
@click.option("--agent", "agents", multiple=True, required=True, metavar="NAME", help="Of assay.toml; or `blind`.")
@click.option(
    "--user",
    "mode",
    type=click.Choice(["simulated", "full", "me"]),
    default="simulated",
    show_default=True,
    help="Who speaks: the simulated user, everything at once, or you.",
)
@click.option("-n", "number", type=click.IntRange(min=1), default=1, show_default=True, help="Trials of each agent.")
@click.option("--seed", default="", help="Decides order and wording; without it, the workspace's.")
@click.option("--start", metavar="MILESTONE", help="Begin there, after the reference solutions of those before it.")
@click.option("--alias", help="Name of the attempt; without it, fresh ones of two words.")
@click.option("--minutes", type=click.FloatRange(min=0.01), default=60, show_default=True, help="Of the agent's time.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Trials at once.")
def command(
    task: str,
    agents: tuple[str, ...],
    mode: Mode,
    number: int,
    seed: str,
    start: str | None,
    alias: str | None,
    minutes: float,
    jobs: int,
) -> None:
    """Run agents on TASK, each trial in a fresh container without network, and record them as trajectories.

    Trials go to trajectories/TASK under fresh aliases, with patches, test results and the engine's word on their
    isolation; who ran them is noted in .assay/identities only. Several agents take turns in an order drawn from the
    seed. `--agent blind` draws one of assay.toml's agents and does not tell which. `policy-strong`,
    `policy-partial` and others are scripts that stand in for an agent.

    \b
    Examples:
      assay run ledger-loader --agent policy-partial
      assay run ledger-loader --agent opencode --agent codex -n 5
      assay run ledger-loader --agent blind --user me
    """
    from assay.sealing.maps import seal_fresh

    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    job = workspace.task(task)
    _demand_sound(job, mode, start, alias, number * len(agents))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    orders = _orders(workspace, job, agents, mode, number, seed or workspace.settings.seed, start)
    aliases = choose(root, task, alias, len(orders), _taken(root, task))
    try:
        invalid = _perform(workspace, job, dict(zip(aliases, orders, strict=True)), minutes, jobs)
    finally:
        if undone := seal_fresh(root, task, workspace.settings.seal.recipients):
            click.echo(f"warning: {undone}", err=True)
    if invalid:
        raise SystemExit(ExitCode.FINDINGS)


def _demand_sound(task: Task, mode: Mode, start: str | None, alias: str | None, count: int) -> None:
    if start is not None and start not in task.milestones:
        known = ", ".join(task.milestones)
        raise UsageError("unknown-milestone", f"`{task.id}` has no milestone `{start}`", f"it has: {known}")
    if alias is not None and count > 1:
        raise UsageError("one-alias", f"`--alias` names one attempt, found {count} trials", "leave it out")
    if mode == "simulated" and task.user is None:
        hint = "write tasks/" + task.id + "/user.yaml, or use `--user full`"
        raise UsageError("no-user", f"`{task.id}` has no valid user.yaml for a simulated user", hint)
    if mode == "me" and count > 1:
        raise UsageError("one-session", f"a person speaks to one agent at a time, found {count} trials")


def _orders(
    workspace: Workspace,
    task: Task,
    names: Sequence[str],
    mode: Mode,
    number: int,
    seed: str,
    start: str | None,
) -> list[Order]:
    """Who is run, in order. Positions go on from the attempts at the task that this machine knows of."""
    from assay.agents.builtin import blindly
    from assay.sealing.identities import known, order_key
    from assay.sealing.order import drawn, turns
    from assay.trials.session import Order

    configured = _configured(workspace)
    first = len(known(workspace.root, task.id).identities)
    if BLIND in names:
        if set(names) != {BLIND}:
            raise UsageError("blind-and-named", "`--agent blind` stands alone: it draws from all agents")
        pool, key = blindly(workspace.settings), order_key(workspace.root)
        chosen = [drawn(pool, key, task.id, first + place) for place in range(number)]
    else:
        for name in names:
            if name not in configured:
                hint = f"there are: {', '.join(sorted(configured))}; more are set in assay.toml under [agents.NAME]"
                raise UsageError("unknown-agent", f"no agent is called `{name}`", hint)
        chosen = turns(names, seed, task.id, number)
    agents = [turn.agent for turn in chosen]
    return [
        Order(turn, configured[turn.agent], mode, f"{seed}/{agents[:place].count(turn.agent)}", first + place, start)
        for place, turn in enumerate(chosen)
    ]


def _configured(workspace: Workspace) -> Mapping[str, AgentSettings]:
    from assay.agents.builtin import agents_of

    return agents_of(workspace.settings, sys.executable)


def _taken(root: Path, task: str) -> list[str]:
    from assay.sealing.identities import known

    return list(known(root, task).identities)


def _perform(workspace: Workspace, task: Task, orders: Mapping[str, Order], minutes: float, jobs: int) -> bool:
    """Run the trials, the finished ones written as they end; returns whether any of them carries no grade."""
    from concurrent.futures import ThreadPoolExecutor

    from assay.executors import EngineError
    from assay.executors.docker import Engine
    from assay.model.outcome import is_valid
    from assay.sealing.identities import order_key
    from assay.simulation.rephrasing import rephraser
    from assay.trials.files import outcome_of
    from assay.trials.running import Study, keep
    from assay.trials.watching import Caps

    root, invalid = workspace.root, False
    simulated = any(order.mode == "simulated" for order in orders.values())
    rephrase = rephraser(workspace.settings.simulation, order_key(root)) if simulated else None
    with Engine.connect(jobs) as engine, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            caps, speak = Caps(seconds=minutes * 60), _at_terminal(task, orders)
            study = Study(root, task, engine, pool, caps, speak, rephrase)
            for order, recording in study.perform(orders, jobs):
                folder = keep(root, task.id, order, recording)
                invalid = invalid or not is_valid(outcome_of(recording))
                click.echo("\n".join(_lines(recording, folder and folder.relative_to(root))))
        except EngineError as error:
            hint = "mend what broke it and run again; `assay replay` shows whether the task itself is sound"
            raise UsageError("trial-not-begun", str(error), hint) from error
        except BaseException:
            engine.stop()
            raise
    return invalid


def _at_terminal(
    task: Task, orders: Mapping[str, Order]
) -> Callable[[Order, Mapping[str, str], Controls], User] | None:
    """The person here as the user, when that is asked for."""
    if all(order.mode != "me" for order in orders.values()):
        return None
    from assay.trials.terminal_user import TerminalUser

    def speak(order: Order, texts: Mapping[str, str], controls: Controls) -> User:
        return TerminalUser(
            task.id,
            texts,
            check=lambda milestone: controls.check(milestone),
            diff=lambda: controls.diff(),
            interrupt=lambda: controls.interrupt(),
        )

    return speak


def _lines(recording: Recording, folder: Path | None) -> Iterator[str]:
    """One line on how it ended, one for each milestone. Nothing says who it was."""
    from assay.trials.files import outcome_of
    from assay.trials.measuring import spoken

    ended, outcome = recording.ended, outcome_of(recording)
    why = f": {ended.ending}" if ended else ""
    counts = f"{len(recording.steps)} steps, {recording.turns} turns of the user"
    yield f"{folder or recording.alias}: {outcome}{why}, {counts}"
    for name in recording.prepared.file.milestones:
        if (done := recording.final.get(name)) is None:
            continue
        passed = {True: "passed", False: "failed", None: f"{done.report.outcome}: {done.report.reason}"}
        yield f"  {name}: {passed[done.report.passed]}"
    if kept := [text["incident"]["kind"] for text in spoken(recording) if "incident" in text]:
        yield f"  said as authored, because other words were refused or did not come: {len(kept)} ({', '.join(kept)})"
    if ended and ended.reason:
        yield f"  {ended.reason}"
