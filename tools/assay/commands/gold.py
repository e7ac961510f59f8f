"""`assay gold`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.commands.keys import private_keys
from assay.errors import UsageError
from assay.workspace import Workspace, find_root, load

if TYPE_CHECKING:
    from assay.results.gold import GoldScore

HEAD = """\
# The right verdicts on this task; `unclear` measures nobody. It stays on this machine: git must not see it.
# `assay gold --seal` puts it into annotations/gold.age, which tells nobody that this task is gold.
"""


@click.command("gold")
@click.option("--new", "task", metavar="TASK", help="Begin the answers to TASK, on this machine alone.")
@click.option("--seal", "sealing", is_flag=True, help="Seal all answers that this machine knows; none is fine too.")
@private_keys("--key", "; to score, and to add to what is sealed.")
@click.option("--bar", type=click.IntRange(1, 100), default=80, show_default=True, help="Percent that must be right.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(task: str | None, sealing: bool, keys: tuple[Path, ...], bar: int, form: str) -> None:
    """Score annotators by answers that only coordinators know, hidden among the other tasks.

    Whoever knows which tasks are gold grades those with care: so nothing in the repository tells. The answers to all
    of them are in one padded file, annotations/gold.age, which a workspace without gold can have as well. Scores go to
    your terminal only, and each says how often somebody who is right 70 % of the time passes the same bar.

    \b
    Examples:
      assay gold --new ledger-loader
      assay gold --seal --key ~/.ssh/id_ed25519
      assay gold --key ~/.ssh/id_ed25519 --bar 80
    """
    if bool(task) + sealing + (bool(keys) and not sealing) != 1:
        raise click.UsageError("give one of `--new TASK`, `--seal`, and `--key FILE` to score")
    workspace = load(find_root(Path.cwd()))
    if task:
        click.echo(_begin(workspace, task))
    elif sealing:
        _seal(workspace, keys)
    else:
        _score(workspace, keys, Fraction(bar, 100), form)


def _begin(workspace: Workspace, name: str) -> str:
    from assay.documents import to_yaml
    from assay.results.versions import current_rubric
    from assay.sealing.gold import DRAFTS
    from assay.storage import write_whole

    task = workspace.task(name)
    path = f"{DRAFTS}/{task.id}.yaml"
    attempts = [alias for alias, one in workspace.attempts.get(task.id, {}).items() if not one.is_invalid]
    if task.rubric is None or not attempts:
        missing = "a rubric that can be read" if task.rubric is None else "a trajectory"
        raise UsageError("nothing-to-answer", f"`{task.id}` needs {missing} first", "see `assay check`")
    if (workspace.root / path).exists():
        raise UsageError("file-exists", f"{path} exists; it was not touched", "edit it")
    answers = {alias: {one.id: "unclear" for one in task.rubric.record.criteria} for alias in attempts}
    text = to_yaml({"format": 1, "task": task.id, "rubric": current_rubric(task), "answers": answers})
    write_whole(workspace.root / DRAFTS / ".gitignore", b"*\n")
    write_whole(workspace.root / path, (HEAD + text).encode())
    (workspace.root / path).chmod(0o600)
    return f"{path}\nnext: give the verdicts you are sure of, then `assay gold --seal`"


def _seal(workspace: Workspace, keys: Sequence[Path]) -> None:
    from assay.sealing.gold import PROMISE, SEALED, drafts, seal

    for answers in drafts(workspace.root):
        task = workspace.task(answers.task)
        attempts = workspace.attempts.get(task.id, {})
        criteria = {one.id for one in task.rubric.record.criteria} if task.rubric else set()
        for alias, known in answers.answers.items():
            wrong = [name for name in known if name not in criteria] if alias in attempts else [alias]
            if wrong:
                message = f"the answers to `{task.id}` are on `{wrong[0]}`, which it does not have"
                raise UsageError("gold-invalid", message, "correct the name; nothing was sealed")
    gold = seal(workspace.root, _coordinators(workspace), keys)
    labels = [answer for one in gold.tasks.values() for known in one.answers.values() for answer in known.values()]
    counts = f"{_count(len(labels) - labels.count('unclear'), 'answer')} on {_count(len(gold.tasks), 'task')}"
    click.echo(f"{SEALED}, {PROMISE}: {counts}")
    click.echo("next: commit both, with a message that names no task")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _coordinators(workspace: Workspace) -> list[str]:
    people = workspace.people.record.people if workspace.people else []
    found = [key for person in people if "coordinator" in person.roles for key in person.keys]
    found += workspace.settings.seal.recipients
    if not found:
        hint = "give a coordinator `keys` in annotations/people.yaml, or name `[seal] recipients` in assay.toml"
        raise UsageError("no-recipient", "nobody is named who could open what is sealed", hint)
    return found


def _score(workspace: Workspace, keys: Sequence[Path], bar: Fraction, form: str) -> None:
    from assay.results.gold import gold_scores
    from assay.sealing.gold import open_gold, promised

    gold = open_gold(workspace.root, keys)
    readers = set(promised(workspace.root).recipients)
    people = workspace.people.record.people if workspace.people else []
    knew = {person.handle for person in people if readers & set(person.keys)}
    scores = gold_scores(workspace, gold.tasks, bar)
    if form == "json":
        click.echo(json.dumps([_plain(score, score.annotator in knew) for score in scores], indent=2))
        return
    if not scores:
        click.echo(f"nobody to score: {_count(len(gold.tasks), 'gold task')}, and no revealed annotation of one")
    for score in scores:
        for line in _lines(score, knew=score.annotator in knew):
            click.echo(line)
    if scores:
        click.echo("keep this to yourselves: it says which tasks are gold")


def _lines(score: GoldScore, *, knew: bool) -> list[str]:
    from assay.results.gold import FEW, GOOD, WEAK

    if knew:
        return [f"{score.annotator}: could open the answers, so nothing is measured"]
    if score.accuracy is None:
        return [f"{score.annotator}: no verdict on what has a known answer"]
    verdict = "passes" if score.passed else "fails"
    unclear = f", {score.unclear} left unclear" if score.unclear else ""
    right = f"{score.right} of {score.labels} right ({score.accuracy:.0%}{unclear})"
    weak = f"whoever is right {float(WEAK):.0%} of the time passes with probability {score.chance(WEAK):.2f}"
    good = f"whoever is right {float(GOOD):.0%} with {score.chance(GOOD):.2f}"
    lines = [
        f"{score.annotator}: {right} on {', '.join(score.tasks)}; {verdict} the bar of {float(score.bar):.0%}",
        f"  with {score.labels} labels, {weak}, {good}",
    ]
    few = [f"  {score.labels} labels prove little: have at least {FEW}"] if score.labels < FEW else []
    return lines + few


def _plain(score: GoldScore, knew: bool) -> dict[str, object]:
    from assay.results.gold import GOOD, WEAK

    return {
        "annotator": score.annotator,
        "measured": not knew,
        "tasks": score.tasks,
        "labels": score.labels,
        "right": score.right,
        "unclear": score.unclear,
        "bar": float(score.bar),
        "passed": None if knew else score.passed,
        "false_pass": {"accuracy": float(WEAK), "probability": score.chance(WEAK)},
        "true_pass": {"accuracy": float(GOOD), "probability": score.chance(GOOD)},
    }
