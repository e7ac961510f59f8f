"""`assay check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from assay.diagnostics import Severity, worst
from assay.errors import ExitCode, UsageError
from assay.reporters import FORMATS, reporter
from assay.rules import EVERYTHING, Scope, graded, run
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
    scope = Scope(_within(root, paths), _changed(root, since))
    diagnostics = run(workspace, scope)
    if history or Scope(scope.within).touches(".git"):
        from assay.progress import advancing
        from assay.rules.history import check_history

        found = check_history(workspace, history, advancing)
        diagnostics = sorted([*diagnostics, *graded(found, workspace)])
    click.echo(reporter(form).render(diagnostics, workspace.counts()))
    if worst(diagnostics) is Severity.ERROR:
        raise SystemExit(ExitCode.FINDINGS)


def _within(root: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    """The named files and folders as a scope has them; those elsewhere are left out."""
    if not paths:
        return EVERYTHING.within
    places = []
    for path in map(Path.resolve, paths):
        if root.is_relative_to(path):
            places.append("")
        elif path.is_relative_to(root):
            places.append(path.relative_to(root).as_posix() + "/" * path.is_dir())
    return tuple(places)


def _changed(root: Path, since: str | None) -> frozenset[str] | None:
    """The files changed since the merge base; None for all."""
    if since is None:
        return None
    from assay.repository import changed_paths

    return frozenset(changed_paths(root, since))


def _existing(paths: tuple[Path, ...]) -> Path:
    """Where to look for the workspace: the first path, or here."""
    for path in paths:
        if not path.exists():
            raise UsageError("no-such-path", f"`{path}` does not exist", "name files or folders of the workspace")
    return paths[0] if paths else Path.cwd()
