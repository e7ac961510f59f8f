"""`assay user`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import UsageError
from assay.workspace import Task, find_root, load

if TYPE_CHECKING:
    from assay.simulation.contract import Facts, Move, User

HELP = "what the agent says, or :pass MILESTONE, :fail MILESTONE/TEST, :change, :quit"


@click.command("user")
@click.argument("task")
@click.option("--seed", default="", help="Decides the wording; without it, the workspace's.")
@click.option("--mode", type=click.Choice(["simulated", "full"]), default="simulated", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the disclosure log, one JSON object a line.")
def command(task: str, seed: str, mode: str, as_json: bool) -> None:
    """Talk to the simulated user of TASK: you are the agent.

    Each line is one message of the agent. `:pass MILESTONE` and `:fail MILESTONE/TEST` set what the tests would show,
    `:change` says that the work tree changed in this turn. Below each message of the user stand the state, the rule
    that chose it and the leak check's verdict.

    \b
    Examples:
      assay user ledger-loader
      printf '%s\\n' 'Do two jobs overlap?' ':pass idempotent-reruns' 'Done.' | assay user ledger-loader --json
    """
    root = find_root(Path.cwd())
    workspace = load(root)
    job = workspace.task(task)
    if job.user is None:
        raise UsageError("no-user", f"`{task}` has no valid user.yaml", "`assay check` says what is wrong with it")
    user = _user(job, seed or workspace.settings.seed, mode)
    move = user.open()
    _show(move, as_json)
    for facts in _facts(not as_json and sys.stdin.isatty()):
        if move.text is None:
            break
        move = user.next(facts)
        _show(move, as_json)


def _user(task: Task, seed: str, mode: str) -> User:
    from assay.evidence.leaks import LeakGuard
    from assay.simulation.full import Full
    from assay.simulation.machine import Simulated

    assert task.user is not None
    script = task.user.record
    texts = {name: task.text(f"steps/{name}/instruction.md").strip() for name in task.milestones}
    if mode == "full":
        return Full(script, texts)
    return Simulated(script, task.id, texts, f"{seed}/0", LeakGuard(task.folder, script.forbidden))


def _facts(prompt: bool) -> Iterator[Facts]:
    from assay.simulation.contract import Facts

    passed: dict[str, bool] = {}
    failed: set[str] = set()
    turn, changed = 0, False
    if prompt:
        click.secho(HELP, dim=True)
    while True:
        try:
            line = input("agent> " if prompt else "").strip()
        except EOFError:
            return
        word, _, rest = line.partition(" ")
        if word == ":quit":
            return
        if word == ":pass":
            passed[rest] = True
            failed = {name for name in failed if not name.startswith(f"{rest}/")}
        elif word == ":fail":
            passed[rest.partition("/")[0]] = False
            failed.add(rest)
        elif word == ":change":
            changed = True
        elif line.startswith(":"):
            click.secho(HELP, dim=True)
        else:
            turn += 1
            yield Facts(turn, line, 0, dict(passed), frozenset(failed), changed)
            changed = False


def _show(move: Move, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**move.disclosure, "text": move.text}, ensure_ascii=False))
        return
    if move.text is not None:
        click.echo(f"\nuser> {move.text}")
    told = move.disclosure
    leak = told.get("leak", {})
    verdict = "" if leak.get("ok", True) else f", LEAKS {', '.join(leak['hits'])}"
    click.secho(f"[{move.state}: {told.get('rule')} {told.get('intent_id', '')}{verdict}]", dim=True)
