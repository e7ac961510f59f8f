"""`assay schema`."""

from __future__ import annotations

from pathlib import Path

import click

from assay.errors import ExitCode
from assay.workspace import find_root


@click.command("schema")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only say which files are out of date; exit 1 if any.")
def command(folder: Path | None, only_check: bool) -> None:
    """Write the JSON Schemas of all files to DIR, by default schemas/ of the workspace.

    Editors use them through the `# yaml-language-server: $schema=...` line at the top of a file.

    \b
    Examples:
      assay schema
      assay schema --check
    """
    from assay.scaffold.schemas import MODELS, stale, write

    folder = folder or find_root(Path.cwd()) / "schemas"
    changed = stale(folder) if only_check else write(folder)
    if only_check and changed:
        for name in changed:
            click.echo(f"{folder / name}: out of date")
        click.echo("run `assay schema` and commit what it writes", err=True)
        raise SystemExit(ExitCode.FINDINGS)
    what = "all up to date" if not changed else f"wrote {', '.join(changed)}"
    click.echo(f"{len(MODELS)} schemas in {folder}: {what}")
