"""`assay verify`."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.commands.new import demand_person
from assay.errors import UsageError
from assay.workspace import Attempt, Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.verification.runs import Ran
    from assay.verification.states import State


@click.command("verify")
@click.argument("which", metavar="TASK/ALIAS")
@click.argument("argv", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--by", "handle", required=True, metavar="HANDLE", help="Whose evidence it is: you, as in people.yaml.")
@click.option("--shell", is_flag=True, help="An interactive shell; everything it shows is recorded.")
@click.option("--milestone", metavar="NAME", help="As this milestone was handed in, instead of at the end.")
@click.option("--step", type=click.IntRange(min=1), metavar="N", help="After step N, where that is recorded.")
@click.option("--seconds", type=click.FloatRange(min=1), default=600, show_default=True, help="Limit for COMMAND.")
def command(
    which: str,
    argv: tuple[str, ...],
    handle: str,
    shell: bool,
    milestone: str | None,
    step: int | None,
    seconds: float,
) -> None:
    """Check an attempt yourself, and keep what came out as evidence that you can cite.

    Runs the task's tests again, or COMMAND, or a shell, in a fresh container without network, on the files as the
    attempt left them. Command, state, exit code, output and a recording go to annotations/TASK/evidence/HANDLE, under
    the next number: `run:03` in your annotation. `assay check --rerun-evidence` runs it again.

    \b
    Examples:
      assay verify ledger-loader/auburn-squid --by rater-1
      assay verify ledger-loader/auburn-squid --by rater-1 -- python -m ledger --help
      assay verify ledger-loader/auburn-squid --by rater-1 --milestone schema-drift -- sh -c 'ls config | wc -l'
      assay verify ledger-loader/auburn-squid --by rater-1 --shell
    """
    if shell and argv:
        raise UsageError("one-of-two", "`--shell` takes no command", "leave out `--shell`, or what is behind `--`")
    if any("\udc80" <= character <= "\udcff" for word in argv for character in word):
        raise UsageError("not-unicode", "a command that is recorded must be valid UTF-8", "call a script that does it")
    if milestone and step:
        raise UsageError("one-of-two", "`--milestone` and `--step` name two states", "leave out one of them")
    if shell and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("no-terminal", "`--shell` needs a terminal", "give a command: `-- COMMAND`; ssh needs `-t`")
    from assay.verification.states import state_of

    workspace = load(find_root(Path.cwd()))
    demand_settings(workspace)
    attempt = _attempt(workspace, which)
    demand_person(workspace, handle, "annotator")
    state = state_of(attempt, milestone, step)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    _record(workspace, attempt, handle, state, argv, shell, seconds)


def _attempt(workspace: Workspace, which: str) -> Attempt:
    name, slash, alias = which.strip("/").removeprefix("trajectories/").partition("/")
    task = workspace.task(name)
    known = workspace.attempts.get(task.id, {})
    if alias not in known:
        listed = ", ".join(f"`{item}`" for item in known) or "none"
        message = f"`{task.id}` has no trajectory `{alias}`" if slash else f"`{which}` names a task and no trajectory"
        raise UsageError("unknown-trajectory", message, f"write TASK/ALIAS; trajectories of `{task.id}`: {listed}")
    return known[alias]


def _record(
    workspace: Workspace,
    attempt: Attempt,
    handle: str,
    state: State,
    argv: Sequence[str],
    shell: bool,
    seconds: float,
) -> None:
    from assay.executors import EngineError
    from assay.executors.cast import Cast
    from assay.executors.docker import Engine
    from assay.executors.owners import scratch
    from assay.sealing.annotations import keep_local
    from assay.sealing.places import evidence_path, reveal_path
    from assay.storage import as_json
    from assay.verification.preparation import prepare
    from assay.verification.runs import Ran, commanded, files_of, keep, record_of, run

    task = workspace.tasks[attempt.task]
    ran = Ran(commanded(argv, shell), tuple(argv), (lambda piece: None) if shell else _show)
    if shell:
        size = os.get_terminal_size(1)
        ran.cast = Cast(terminal=(size.columns or 80, size.lines or 24))
    with Engine.connect() as engine, scratch() as folder:
        try:
            click.echo(
                f"{attempt.task}/{attempt.alias} {state.words}; the image is built when it is not there", err=True
            )
            prepared = prepare(engine, task)
            if shell:
                click.echo("a shell in a fresh container without network; `exit` ends it and records it", err=True)
            run(engine, prepared, state, ran, seconds, folder)
            _show.end()
            record = record_of(ran, prepared, attempt.alias, handle, state)
        except EngineError as error:
            hint = "nothing was recorded; mend what broke it and run it again"
            raise UsageError("not-verified", str(error), hint) from error
        except BaseException:
            engine.stop()
            raise
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from here on it is a moment, and half a run is none
    place = evidence_path(attempt.task, handle)
    if (
        workspace.settings.annotations.independence == "sealed"
        and not (workspace.root / reveal_path(attempt.task, handle)).exists()
    ):
        keep_local(workspace.root, attempt.task, handle)
    number = keep(workspace.root / place, as_json(record), files_of(ran))
    _say(workspace, attempt, place, number, ran)


def _say(workspace: Workspace, attempt: Attempt, place: str, number: str, ran: Ran) -> None:
    """What was recorded, how it is cited, and what stands in the way."""
    from assay.masking.files import leaks

    click.echo(f"recorded as run:{number} · exit {ran.exit_code} · {ran.seconds:.1f} s")
    lines = ran.text("out").decode().splitlines()
    end = f"#L{len(lines)}" if lines else ""
    click.echo(
        f"cite it as [run:{number}{end}], in a comparison as [{attempt.alias} run:{number}{end}]; {place}/{number}.json"
    )
    for name in ("out", "err"):
        if hidden := ran.stream(name).hidden:
            click.echo(
                f"note: {hidden} bytes in the middle of {number}.{name} were too many and are not kept", err=True
            )
    text = "\n".join((shlex.join(ran.command), ran.text("out").decode(), ran.text("err").decode()))
    for found in leaks(f"{place}/{number}.out", text, attempt.task, workspace.settings.mask):
        tells = "tells" if found.leak.certain else "may tell"
        hint = f"if `assay check` refuses it, remove {number}.* and run what does not print it"
        click.echo(f"note: {found.words} {tells} who made it; {hint}", err=True)
    session = attempt.session.record.predicate if attempt.session else None
    if session and ran.image and session.image.context_sha256 != ran.image.context_sha256:
        click.echo(
            "note: the environment was changed since the attempt was made; this run shows it in the new one", err=True
        )


class _Lines:
    """Output on this terminal by whole lines, without what could steer it."""

    def __init__(self) -> None:
        self._rest = b""

    def __call__(self, piece: bytes) -> None:
        from assay.pages.inert import visible

        whole, feed, self._rest = (self._rest + piece).rpartition(b"\n")
        if feed:
            click.echo(visible(whole.decode("utf-8", "replace")))

    def end(self) -> None:
        if self._rest:
            self(b"\n")


_show = _Lines()
