"""`assay check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from assay.diagnostics import Diagnostic, Severity, worst
from assay.errors import ExitCode, UsageError
from assay.reporters import FORMATS, reporter
from assay.rules import EVERYTHING, Scope, graded, run
from assay.workspace import Workspace, find_root, load


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--since", metavar="REF", help="Report only on files changed since the merge base with REF.")
@click.option(
    "--history", is_flag=True, help="Look for names of agents in every commit, branch and file that ever was."
)
@click.option("--rerun-evidence", is_flag=True, help="Run again what annotators ran (`run:NN`); needs Docker.")
@click.option("--fix", is_flag=True, help="Put right what can only be meant in one way, then report the rest.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
def command(
    paths: tuple[Path, ...], since: str | None, history: bool, rerun_evidence: bool, fix: bool, form: str
) -> None:
    """Load the workspace, run every rule, and report.

    Files refer to each other, so what the reported ones rest on is loaded, too; PATHS limit what is reported and
    fixed. `--fix` changes misspelt keys and names with one that is close, and citations that miss only their form;
    never what is sealed.

    \b
    Examples:
      assay check
      assay check annotations/ledger-loader
      assay check --since origin/main --format github
      assay check --history
      assay check --fix annotations/ledger-loader/drafts
      assay check --rerun-evidence annotations/ledger-loader
    """
    root = find_root(_existing(paths))
    scope = Scope(_within(root, paths), _changed(root, since))
    workspace = load(root, scope.tasks)
    if rerun_evidence:
        _rerun(workspace, scope)
    diagnostics = run(workspace, scope)
    while fix and (done := _fix(workspace, diagnostics)):  # a file whose keys are known is looked into further
        click.echo("\n".join(done), err=True)
        workspace = load(root, scope.tasks)
        diagnostics = run(workspace, scope)
    if history or Scope(scope.within).touches(".git"):
        from assay.progress import advancing
        from assay.rules.history import check_history

        found = check_history(workspace, history, advancing)
        diagnostics = sorted([*diagnostics, *graded(found, workspace)])
    if form == "github":
        diagnostics = _for_github(root, since, diagnostics, workspace.counts())
    click.echo(reporter(form).render(diagnostics, workspace.counts()))
    if worst(diagnostics) is Severity.ERROR:
        raise SystemExit(ExitCode.FINDINGS)


def _fix(workspace: Workspace, diagnostics: Sequence[Diagnostic]) -> list[str]:
    """Write the fixes, and say what each did."""
    from assay.fixing import fix_all, told

    return [told(item, workspace.documents[item.path].text) for item in fix_all(workspace, diagnostics)]


def _for_github(root: Path, since: str | None, found: list[Diagnostic], checked: str) -> list[Diagnostic]:
    """Those on changed lines first; all of them on the page of the step, where GitHub asks for one."""
    from assay.reporters.github import summary
    from assay.repository import changed_lines

    base = os.environ.get("GITHUB_BASE_REF")
    ref = since or (f"origin/{base}" if base else None)
    changed = changed_lines(root, ref) if found and ref else {}
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(found, checked))
    return sorted(found, key=lambda item: not any(item.line in lines for lines in changed.get(item.path, ())))


def _rerun(workspace: Workspace, scope: Scope) -> None:
    """Note what comes of running recorded runs again, for the rules to report."""
    import signal

    from assay.evidence.runs import runs
    from assay.executors import EngineError
    from assay.verification.reruns import rerun

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        rerun(
            workspace,
            [item for item in runs(workspace) if scope(item.entry.path)],
            lambda text: click.echo(text, err=True),
        )
    except EngineError as error:
        raise UsageError("not-rerun", str(error), "mend what broke it and check again") from error


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
