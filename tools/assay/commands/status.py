"""`assay status`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import UsageError
from assay.workspace import Workspace, demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.diagnostics import Diagnostic


@click.command("status")
@click.option("--by", "handle", metavar="HANDLE", help="Only what waits for this person, with their own drafts.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(handle: str | None, form: str) -> None:
    """Say what waits for whom, with the next command, and what blocks what.

    Annotations to begin, to finish, to seal and to reveal, reviews, disagreements, escalations, what `assay check`
    finds by whose it is, and what coordinators see to. Nothing that is sealed is shown, and a draft only with --by its
    author. Runs no container.

    \b
    Examples:
      assay status
      assay status --by rater-1
      assay status --format json
    """
    from assay.results.duties import status

    workspace = load(find_root(Path.cwd()))
    demand_settings(workspace)
    if handle is not None:
        _demand_known(workspace, handle)
    found = status(workspace, _findings(workspace), handle)
    if form == "json":
        import json
        from dataclasses import asdict

        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        from assay.reporters.status import as_text

        click.echo("\n".join(as_text(found)).rstrip())


def _demand_known(workspace: Workspace, handle: str) -> None:
    people = workspace.people.record if workspace.people else None
    if people is None or people.find(handle) is None:
        known = ", ".join(f"`{person.handle}`" for person in people.people) if people else "nobody"
        hint = f"people in annotations/people.yaml: {known or 'nobody'}"
        raise UsageError("unknown-person", f"`{handle}` is not in annotations/people.yaml", hint)


def _findings(workspace: Workspace) -> list[Diagnostic]:
    """What `assay check` finds; of drafts with the severity that counts when they are sealed."""
    from assay.diagnostics import Severity
    from assay.rules import run, severity
    from assay.sealing.places import is_draft

    policy = workspace.settings.levels
    return [
        replace(item, severity=Severity(severity(item.rule, policy))) if is_draft(item.path) else item
        for item in run(workspace)
    ]
