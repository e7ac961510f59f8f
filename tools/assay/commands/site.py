"""`assay site`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from assay.diagnostics import Severity
from assay.errors import ExitCode, UsageError
from assay.workspace import Workspace, find_root, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.diagnostics import Diagnostic
    from assay.pages.compose import Audience, Ranked


WIDTH = 100
"""Columns of the help texts on the page of commands."""


@click.command("site")
@click.option(
    "--audience",
    type=click.Choice(["public", "annotator"]),
    default="public",
    show_default=True,
    help="`annotator` leaves out all grades and rankings.",
)
@click.option("--since", metavar="REF", help="Only a preview of what has changed since the merge base with REF.")
@click.option("--serve", is_flag=True, help="Serve on http://127.0.0.1:8000 until interrupted, instead of building.")
def command(audience: str, since: str | None, serve: bool) -> None:
    """Write the generated pages beneath site/ and build the site into build/site.

    It opens from a folder on disk and asks nothing of the network. Broken links and citations that lead nowhere
    fail the build. Hand-written pages in site/ stay as they are. What has not changed is not built again.

    With `--since`, the pages of the tasks and trajectories that were changed go to build/preview, with what the rules
    say of the changed files, for those who review a pull request.

    \b
    Examples:
      assay site
      assay site --audience annotator
      assay site --since origin/main
      assay site --serve
    """
    from assay.pages import building, compose, sources, unchanged, writer
    from assay.pages.reuse import Reuse
    from assay.rules import run

    started = time.monotonic()
    root = find_root(Path.cwd())
    if since is not None:
        if serve:
            raise UsageError("one-of-two", "`--since` and `--serve` do not go together", "leave one of them out")
        _preview(root, since, cast("Audience", audience))
        return
    if not serve and unchanged.is_current(root, unchanged.fingerprint(root, audience)):
        click.echo(f"nothing has changed since the last build\n{root / sources.OUTPUT / 'index.html'}")
        return
    workspace = load(root)
    reuse = Reuse(root, root / writer.DOCS)
    with reuse.clean.kept():
        findings = run(workspace)
    ranked = _ranked(workspace, findings)
    edition = cast("Audience", audience)
    made = compose.pages(workspace, ranked, audience=edition, findings=findings, helps=_helps, reuse=reuse)
    written = writer.write(root / writer.DOCS, made, reuse.kept)
    reuse.remember()
    if serve:
        raise SystemExit(building.serve(root))
    _accepted(building.build(root))
    unchanged.remember(root, unchanged.fingerprint(root, audience))
    files = f"{written.changed} files changed, {written.removed} removed"
    click.echo(f"{len(made) + len(reuse.kept)} pages, {files}, {time.monotonic() - started:.1f} s")
    click.echo(str(root / sources.OUTPUT / "index.html"))


def _preview(root: Path, since: str, audience: Audience) -> None:
    from assay.pages import preview
    from assay.repository import changed_paths
    from assay.rules import Scope, run

    changed = frozenset(changed_paths(root, since))
    workspace = load(root, preview.tasks(changed))
    findings = run(workspace, Scope(changed=changed))
    _accepted(preview.build(workspace, changed, since, findings, audience))
    click.echo(f"{len(changed)} files differ from `{since}`\n{root / preview.OUTPUT / 'index.html'}")


def _accepted(refusal: str | None) -> None:
    """Ends the command when MkDocs refused."""
    if refusal is not None:
        click.echo(refusal.rstrip(), err=True)
        click.echo("error site-build: mkdocs refused to build the site; its words are above", err=True)
        raise SystemExit(ExitCode.FINDINGS)


def _ranked(workspace: Workspace, findings: Sequence[Diagnostic]) -> Ranked:
    """The ranking, withheld when an annotation has errors."""
    from assay.pages.compose import Ranked
    from assay.results.ranking import rank_workspace

    errors = [item for item in findings if item.severity is Severity.ERROR]
    unsound = sum(item.path.startswith("annotations/") for item in errors)
    if unsound:
        return Ranked(None, f"Nothing is ranked while annotations have errors ({unsound}): assay check names them.")
    return Ranked(rank_workspace(workspace))


def _helps() -> dict[str, str]:
    """What each command prints with `--help`."""
    group = click.get_current_context().find_root().command
    if not isinstance(group, click.Group):
        return {}
    found = {}
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if command is not None:
            found[name] = command.get_help(click.Context(command, info_name=f"assay {name}", terminal_width=WIDTH))
    return found
