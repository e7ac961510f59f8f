"""`assay check`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click

from assay.diagnostics import Severity, worst
from assay.errors import ExitCode, UsageError
from assay.progress import advancing
from assay.reporters import FORMATS, reporter
from assay.rules import graded, run
from assay.rules.history import check_history
from assay.workspace import find_root, load


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--since", metavar="REF", help="Report only on files changed since the merge base with REF.")
@click.option(
    "--history", is_flag=True, help="Look for names of agents in every commit, branch and file that ever was."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
def command(paths: tuple[Path, ...], since: str | None, history: bool, form: str) -> None:
    """Load the workspace, run every rule, and report.

    The whole workspace is always loaded, because files refer to each other; PATHS limit what is reported.

    \b
    Examples:
      assay check
      assay check annotations/ledger-loader
      assay check --since origin/main --format github
      assay check --history
    """
    root = find_root(_existing(paths))
    workspace = load(root)
    within = [path.resolve() for path in paths]
    changed = _changed(root, since)

    def wanted(path: str) -> bool:
        return (not within or _within(root / path, within)) and (changed is None or path in changed)

    diagnostics = run(workspace, wanted)
    if history or not within or _within(root / ".git", within):
        found = check_history(workspace, history, advancing)
        diagnostics = sorted([*diagnostics, *graded(found, workspace)])
    click.echo(reporter(form).render(diagnostics, workspace.counts()))
    if worst(diagnostics) is Severity.ERROR:
        raise SystemExit(ExitCode.FINDINGS)


def _changed(root: Path, since: str | None) -> Collection[str] | None:
    """The files changed since the merge base; None for all."""
    if since is None:
        return None
    from assay.repository import changed_paths

    return changed_paths(root, since)


def _existing(paths: tuple[Path, ...]) -> Path:
    """Where to look for the workspace: the first path, or here."""
    for path in paths:
        if not path.exists():
            raise UsageError("no-such-path", f"`{path}` does not exist", "name files or folders of the workspace")
    return paths[0] if paths else Path.cwd()


def _within(file: Path, wanted: list[Path]) -> bool:
    return any(file == path or path in file.parents for path in wanted)
