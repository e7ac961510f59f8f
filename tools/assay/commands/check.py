"""`assay check`."""

from __future__ import annotations

from pathlib import Path

import click

from assay.diagnostics import Severity, worst
from assay.errors import ExitCode, UsageError
from assay.reporters import FORMATS, reporter
from assay.rules import run
from assay.workspace import find_root, load


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--since", metavar="REF", help="Report only on files changed since the merge base with REF.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
def command(paths: tuple[Path, ...], since: str | None, form: str) -> None:
    """Load the workspace, run every rule, and report.

    The whole workspace is always loaded, because files refer to each other; PATHS limit what is reported.

    \b
    Examples:
      assay check
      assay check annotations/ledger-loader
      assay check --since origin/main --format github
    """
    root = find_root(_existing(paths))
    workspace = load(root)
    diagnostics = run(workspace)
    if paths:
        wanted = [path.resolve() for path in paths]
        diagnostics = [item for item in diagnostics if _within(root / item.path, wanted)]
    if since:
        from assay.repository import changed_paths

        changed = changed_paths(root, since)
        diagnostics = [item for item in diagnostics if item.path in changed]
    click.echo(reporter(form).render(diagnostics, workspace.counts()))
    if worst(diagnostics) is Severity.ERROR:
        raise SystemExit(ExitCode.FINDINGS)


def _existing(paths: tuple[Path, ...]) -> Path:
    """Where to look for the workspace: the first path, or here."""
    for path in paths:
        if not path.exists():
            raise UsageError("no-such-path", f"`{path}` does not exist", "name files or folders of the workspace")
    return paths[0] if paths else Path.cwd()


def _within(file: Path, wanted: list[Path]) -> bool:
    return any(file == path or path in file.parents for path in wanted)
