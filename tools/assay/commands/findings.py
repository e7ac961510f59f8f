"""What commands share that work on annotations: they refuse what has not passed its rules."""

from __future__ import annotations

import click

from assay.diagnostics import Severity
from assay.errors import ExitCode
from assay.workspace import Workspace


def demand_clean(workspace: Workspace, otherwise: str, below: str = "") -> None:
    """Show the errors below a folder and leave, when there are any; `otherwise` says what is not done then."""
    from assay.reporters.text import render
    from assay.rules import run

    errors = [item for item in run(workspace) if item.severity is Severity.ERROR and item.path.startswith(below)]
    if errors:
        click.echo(render(errors, otherwise), err=True)
        raise SystemExit(ExitCode.FINDINGS)
