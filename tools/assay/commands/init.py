"""`assay init`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--title", help="Title of the study and of its site; by default the name of DIR.")
def command(folder: Path, title: str | None) -> None:
    """Make a new workspace in DIR: policy, one small proven task, guidelines, schemas, commit hook, site.

    Nothing that exists is overwritten: when a file is in the way, it is named and nothing is written.

    \b
    Examples:
      assay init my-study
      assay init . --title "Which agent keeps our loaders idempotent?"
    """
    from assay.scaffold.workspace import create

    written = create(folder, title or folder.resolve().name)
    if not written:
        click.echo(f"{folder} is a complete workspace already; nothing was written")
        return
    click.echo(f"made a workspace in {folder}: {len(written)} files, 1 task. next:")
    here = folder.resolve() == Path.cwd()
    for line in _next_commands(folder, here):
        click.echo(f"  {line}")


def _next_commands(folder: Path, here: bool) -> list[str]:
    enter = [] if here else [f"cd {shlex.quote(str(folder))}"]
    start = [] if (folder / ".git").exists() else ["git init"]
    return [
        *enter,
        *start,
        "pre-commit install   # `git commit` then runs `assay check`",
        "assay check",
        "assay replay         # proves the task; needs Docker",
        "assay site           # builds build/site/index.html",
    ]
