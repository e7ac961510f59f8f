"""`assay review`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.errors import ExitCode, UsageError
from assay.workspace import demand_settings, find_root, load

if TYPE_CHECKING:
    from assay.review.report import Report


@click.command("review")
@click.option("--since", metavar="REF", help="Compare with the merge base with REF.  [default: the protected branch]")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("markdown", "text", "json")),
    help="[default: text on a terminal, else markdown]",
)
@click.option("--strict", is_flag=True, help="Fail when the verdict is `needs work`.")
def command(since: str | None, output: Path | None, form: str | None, strict: bool) -> None:
    """Say in words what a branch changes, and whether it is ready to be merged.

    Grades before and after, tiers, new citations with the text they point at, findings that came and went, who has done
    what, where annotators disagree. Annotations that are not revealed are named, never shown. Runs no container.

    \b
    Examples:
      assay review
      assay review --since origin/main --output report.md
      assay review --format json
    """
    from assay.repository import changed_paths
    from assay.review.report import report
    from assay.review.states import base_of, earlier

    root = find_root(Path.cwd())
    now = load(root)
    demand_settings(now)
    branch = now.settings.annotations.branch
    base = base_of(root, since, branch)
    with earlier(root, base, branch) as before:
        made = report(base, before, now, changed_paths(root, base))
    _write(made, output, form or ("text" if output is None and sys.stdout.isatty() else "markdown"))
    if strict and not made.ready:
        raise SystemExit(ExitCode.FINDINGS)


def _write(made: Report, output: Path | None, form: str) -> None:
    from assay.review.markdown import MARK, render

    if form == "json":
        import json
        from dataclasses import asdict

        text = json.dumps({**asdict(made), "ready": made.ready}, indent=2, ensure_ascii=False)
    else:
        text = render(made, sys.maxsize if form == "text" else 65_536)
    if output:
        try:
            output.write_text(text + "\n" * (form == "json"), encoding="utf-8")
        except OSError as error:
            raise UsageError("not-written", f"{output} cannot be written: {error.strerror}", "name another") from error
        click.echo(f"{output}: {'ready' if made.ready else 'needs work: ' + '; '.join(made.reasons)}")
    elif form == "text":
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text.removeprefix(MARK)))
    else:
        click.echo(text)
