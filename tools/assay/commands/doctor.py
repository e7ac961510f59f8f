"""`assay doctor`."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from assay.errors import ExitCode, FatalError
from assay.workspace import find_root


@dataclass(frozen=True)
class Finding:
    """One thing this machine has or lacks."""

    name: str
    ok: bool
    detail: str
    needed_for: str
    hint: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON list.")
def command(as_json: bool) -> None:
    """Say what is missing on this machine, what it is needed for, and how to get it.

    Exits 4 when something is missing.
    """
    findings = [probe() for probe in (_python, _git, _engine, _mkdocs, _browser, _npm, _workspace, _hook)]
    if as_json:
        click.echo(json.dumps([asdict(item) for item in findings], indent=2))
    else:
        for item in findings:
            mark = click.style("ok     ", fg="green") if item.ok else click.style("missing", fg="red")
            click.echo(f"{mark}  {item.name:<10} {item.detail}  (for {item.needed_for})")
            if not item.ok:
                click.echo(f"         hint: {item.hint}")
    if not all(item.ok for item in findings):
        raise SystemExit(ExitCode.ENVIRONMENT)


def _python() -> Finding:
    return Finding(
        "python", sys.version_info >= (3, 11), sys.version.split()[0], "everything", "use Python 3.11 or newer"
    )


def _git() -> Finding:
    path = shutil.which("git")
    return Finding("git", path is not None, path or "not on PATH", "patches, hooks, --since", "install git")


def _engine() -> Finding:
    from assay.executors.docker import Engine

    purpose = "replay, record"
    try:
        with Engine.connect() as engine:
            return Finding("docker", True, engine.version, purpose)
    except FatalError as error:
        return Finding("docker", False, error.message, purpose, error.hint)


def _mkdocs() -> Finding:
    try:
        found = version("mkdocs-material")
    except PackageNotFoundError:
        return Finding("mkdocs", False, "mkdocs-material is not installed", "site", "pip install mkdocs-material")
    return Finding("mkdocs", True, f"mkdocs-material {found}", "site")


def _browser() -> Finding:
    path = shutil.which("chromium")
    return Finding("chromium", path is not None, path or "not on PATH", "browser tests", "`make browser` installs it")


def _npm() -> Finding:
    path = shutil.which("npm")
    return Finding("npm", path is not None, path or "not on PATH", "agents from npm", "`make agents` installs it")


def _workspace() -> Finding:
    try:
        return Finding("workspace", True, str(find_root(Path.cwd())), "every command on data")
    except FatalError as error:
        return Finding("workspace", False, error.message, "every command on data", error.hint)


def _hook() -> Finding:
    hint = "run `pre-commit install` in the workspace"
    try:
        root = find_root(Path.cwd())
    except FatalError:
        return Finding("hook", False, "no workspace, so no hook", "checks at git commit", hint)
    hook = root / ".git/hooks/pre-commit"
    return Finding(
        "hook", hook.is_file(), "installed" if hook.is_file() else "not installed", "checks at git commit", hint
    )
