"""The command line: a table of commands that load when they are used, and the funnel for everything that goes wrong."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from assay import __version__
from assay.errors import ExitCode, FatalError

COMMANDS = {
    "check": "Load the workspace, run every rule, report.",
    "explain": "What a rule wants, why, with a bad and a good example.",
    "audit": "Judge task folders, ours or not, by reading and by running them.",
    "init": "Make a new workspace.",
    "new": "Begin a file of the workspace, such as an annotation.",
    "verify": "Run the tests or a command on an attempt, as evidence to cite.",
    "replay": "Prove tasks by running them; run a trajectory's tests again.",
    "run": "Run agents on a task, each trial in a fresh container.",
    "user": "Talk to the simulated user of a task.",
    "model": "Serve a scripted model for any agent, for dry runs and teaching.",
    "calibrate": "Measure how difficult tasks are, by repeated trials.",
    "record": "Record a shell attempt at a task as a trajectory.",
    "import": "Turn an agent's log into a masked trajectory.",
    "seal": "Seal who made the trajectories, or an annotation of them.",
    "reveal": "Put a sealed annotation where all can read it, once all have sealed.",
    "unseal": "Name who made the trajectories, for all to check.",
    "gold": "Score annotators by answers that only coordinators know.",
    "review": "Say in words what a branch changes, and whether it is ready.",
    "status": "Say what waits for whom, and what blocks what.",
    "escalate": "Raise a defect of a task, with what shows it.",
    "rank": "Rank the trajectories from the annotations.",
    "agreement": "Say how far annotators agree, and how each of them judges.",
    "export": "Write a data set that trains models.",
    "site": "Build the site.",
    "schema": "Write the JSON Schemas of all files.",
    "doctor": "Say what is missing on this machine.",
}
"""Every command and its line in `assay --help`, in the order people meet them."""

MODULES = {"import": "import_"}
"""Where the module cannot be called like the command."""


class Lazy(click.Group):
    """Imports a command's module only when the command is asked for: a hook lives or dies by its imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"assay.commands.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"there is no command `{args[0]}`; commands are {', '.join(COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)


EXIT_CODES = """\b
Exit codes:
  0    clean
  1    findings: a rule, a proof or a comparison failed
  2    usage: the command line or the workspace cannot be used as asked
  3    a bug in Assay; please report the block it prints
  4    this machine lacks something, such as a Docker engine
  130  interrupted
"""


@click.group(cls=Lazy, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="assay")
def assay() -> None:
    """Review the offline evaluation of coding agents, in git.

    Tasks, rubrics, trajectories and annotations are files; `assay check` checks them, `assay replay` proves the
    tasks by running them, `assay site` shows everything.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; no exception leaves."""
    try:
        result = assay.main(args=argv, prog_name="assay", standalone_mode=False)
        return result if isinstance(result, int) else ExitCode.CLEAN
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except FatalError as error:
        click.echo(error.render(), err=True)
        return error.code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.CLEAN
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.USAGE
    except Exception:  # the funnel: a bug must end in a block that can be pasted, whatever it is
        click.echo(_bug_report(), err=True)
        return ExitCode.BUG


def _bug_report() -> str:
    version = sys.version.split()[0]
    return (
        f"error bug: this is a defect in Assay, not in your data\n"
        f"  hint: please report everything below this line\n"
        f"--- assay {__version__}, python {version}, {sys.platform}\n"
        f"{traceback.format_exc()}---"
    )
