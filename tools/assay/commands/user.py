"""`assay user`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.errors import UsageError
from assay.workspace import Task, Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.simulation.contract import Facts, Move, User

HELP = "what the agent says, or :pass MILESTONE, :fail MILESTONE/TEST, :touch PATH, :quit"


@click.command("user")
@click.argument("task")
@click.option("--seed", default="", help="Decides the wording; without it, the workspace's.")
@click.option("--mode", type=click.Choice(["simulated", "full"]), default="simulated", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the disclosure log, one JSON object a line.")
def command(task: str, seed: str, mode: str, as_json: bool) -> None:
    """Talk to the simulated user of TASK: you are the agent.

    Each line is one message of the agent. `:pass MILESTONE` and `:fail MILESTONE/TEST` set what the tests would show,
    which is a failure until you say otherwise; `:touch PATH` changes a file in this turn. Below each message of the
    user stand the state, the rule that chose it, the intent and the leak check's verdict.

    \b
    Examples:
      assay user ledger-loader
      printf '%s\\n' 'Do two jobs overlap?' ':pass idempotent-reruns' 'Done.' | assay user ledger-loader --json
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    demand_settings(workspace)
    job = workspace.task(task)
    if job.user is None:
        raise UsageError("no-user", f"`{task}` has no valid user.yaml", "`assay check` says what is wrong with it")
    user = _user(workspace, job, seed or workspace.settings.seed, mode)
    move = user.open()
    _show(move, as_json)
    for facts in _facts(job.milestones, prompt=not as_json and sys.stdin.isatty()):
        move = user.next(facts)
        _show(move, as_json)
        if move.text is None:
            break


def _user(workspace: Workspace, task: Task, seed: str, mode: str) -> User:
    """As in the first trial of `assay run` with the same seed."""
    from assay.evidence.leaks import LeakGuard
    from assay.simulation.full import Full
    from assay.simulation.machine import Simulated
    from assay.simulation.rephrasing import rephraser
    from assay.trials.requests import instruction

    assert task.user is not None
    script = task.user.record
    texts = {name: instruction(task, name, first=place == 0) for place, name in enumerate(task.milestones)}
    if mode == "full":
        return Full(script, texts)
    guard, rephrase = LeakGuard(task.folder, script.forbidden), rephraser(workspace.settings.simulation, "")
    return Simulated(script, task.id, texts, f"{seed}/0", guard, rephrase)


def _facts(milestones: tuple[str, ...], prompt: bool) -> Iterator[Facts]:
    """One for each line that is no command."""
    from assay.simulation.contract import Facts

    passed = dict.fromkeys(milestones, False)
    failed: set[str] = set()
    touched: list[str] = []
    turn = before = 0
    if prompt:
        click.secho(HELP, dim=True)
    while True:
        try:
            line = input("agent> " if prompt else "").strip()
        except EOFError:
            return
        word, _, rest = line.partition(" ")
        milestone = rest.partition("/")[0]
        if word == ":quit":
            return
        if word in (":pass", ":fail") and milestone in passed:
            passed[milestone] = word == ":pass"
            failed = {name for name in failed if word == ":fail" or not name.startswith(f"{milestone}/")}
            failed |= {rest} if word == ":fail" else set()
        elif word == ":touch" and rest:
            touched.append(rest)
        elif line.startswith(":"):
            click.secho(f"{HELP}; milestones are {', '.join(milestones)}", dim=True, err=True)
        else:
            turn += 1
            changed, before = len(touched) > before, len(touched)
            yield Facts(turn, line, 0, dict(passed), frozenset(failed), changed, tuple(dict.fromkeys(touched)))


def _show(move: Move, as_json: bool) -> None:
    told = move.disclosure
    if as_json:
        click.echo(json.dumps({**told, "text": move.text}, ensure_ascii=False))
        return
    if move.text is not None:
        click.echo(f"\nuser> {move.text}")
    said = [(text.get("intent_id"), text) for text in (told, *told.get("also", ()))]
    words = " ".join([told["rule"], *(f"{name}{_worded(text)}" for name, text in said if name)])
    leak = told.get("leak", {})
    verdict = "" if leak.get("ok", True) else f", LEAKS {', '.join(leak['hits'])}"
    click.secho(f"[{move.state}: {words}{verdict}]", dim=True)


def _worded(text: Mapping[str, Any]) -> str:
    """How an intent was put into words, unless it is as its author wrote it and nothing else was asked for."""
    if incident := text.get("incident"):
        return f" (as authored: {', '.join([incident['kind'], *incident['hits'][:1]])})"
    return " (reworded)" if text.get("wording", "authored") != "authored" else ""
