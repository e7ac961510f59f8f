"""A workspace under version control in which two people grade, a third coordinates, and pull requests land."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyrage
import pytest

from assay import cli
from assay.diagnostics import Diagnostic
from assay.errors import ExitCode
from assay.rules import graded, run
from assay.rules.history import check_history
from assay.sealing.annotations import kept, reveal
from assay.sealing.places import draft_path, sheet_path
from assay.workspace import load
from tests.rules.overlay import build

TASK = "row-merge"
FOLDER = f"annotations/{TASK}"
RATERS = ("rater-1", "rater-2")
PEOPLE = """\
format: 1
people:
  - handle: rater-1
    roles: [annotator]
    signing_keys: [{signing}]
  - {{handle: rater-2, roles: [annotator]}}
  - {{handle: rater-3, roles: [annotator]}}
  - {{handle: lead, roles: [coordinator, annotator], keys: [{public}]}}
assigned: {{row-merge: [rater-1, rater-2]}}
"""
ABOUT = ("seal-", "stage-", "revision-", "annotation-exposed")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def make(root: Path, secret: Path, policy: str = "", signing: str = "") -> Path:
    """A main branch with the task, its attempts, people and policy, and a draft of everybody."""
    build(root)
    key = pyrage.x25519.Identity.generate()
    secret.write_text(str(key))
    with (root / "assay.toml").open("a") as settings:
        settings.write(f'\n[annotations]\nindependence = "sealed"\n{policy}')
    (root / "annotations/people.yaml").write_text(PEOPLE.format(public=key.to_public(), signing=signing))
    (root / ".gitignore").write_text("/.assay/\n/annotations/*/drafts/\n")
    text = (root / sheet_path(TASK, "rater-1")).read_text()
    (root / sheet_path(TASK, "rater-1")).unlink()
    for name in (*RATERS, "rater-3", "lead"):
        file = root / draft_path(TASK, name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.replace("annotator: rater-1", f"annotator: {name}"))
    git(root, "init", "-q", "-b", "main")
    commit(root, "Start")
    return root


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)


@contextmanager
def pull_request(root: Path, how: str = "squash") -> Iterator[None]:
    """What is done inside lands on main: with a merge commit, squashed, or rebased onto what landed meanwhile."""
    git(root, "checkout", "-q", "-b", "work")
    yield
    commit(root, "Work")
    git(root, "checkout", "-q", "main")
    if how == "rebase":
        commit(root, "Meanwhile")
        git(root, "rebase", "-q", "main", "work")
        git(root, "checkout", "-q", "main")
        git(root, "merge", "-q", "--ff-only", "work")
    elif how == "merge":
        commit(root, "Meanwhile")
        git(root, "merge", "-q", "--no-ff", "-m", "Merge", "work")
    else:
        git(root, "merge", "-q", "--squash", "work")
        commit(root, "Squashed")
    git(root, "branch", "-q", "-D", "work")


def run_on_task(command: str, name: str, *arguments: str) -> int:
    """`assay COMMAND row-merge --by NAME ...`"""
    return cli.main([command, TASK, "--by", name, *arguments])


def files(root: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in (root / FOLDER).rglob("*") if file.is_file()}


def refused(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said when nothing is done, and nothing was."""
    before = files(root)
    capsys.readouterr()
    assert cli.main(list(arguments)) == ExitCode.USAGE
    assert files(root) == before
    return capsys.readouterr().err


def seal_all(root: Path, how: str = "squash") -> None:
    """Everybody who is assigned seals in a pull request of their own."""
    for name in RATERS:
        with pull_request(root, how):
            assert run_on_task("seal", name) == ExitCode.CLEAN


def forced(root: Path, name: str, change: Callable[[str], str] = lambda text: text) -> None:
    """Reveal without asking whether it is time, and change what is revealed."""
    reveal(root, kept(root, TASK, name), None, git(root, "rev-parse", "main"))
    file = root / sheet_path(TASK, name)
    file.write_text(change(file.read_text()))


def findings(root: Path) -> list[Diagnostic]:
    """What `assay check` says of seals, stages, revisions and exposure."""
    workspace = load(root)
    found = {*run(workspace), *graded(check_history(workspace), workspace)}
    return sorted(item for item in found if item.rule.startswith(ABOUT))


def verdicts(root: Path) -> set[tuple[str, str]]:
    """Rule and file of each finding, below the annotations of the task."""
    return {(item.rule, item.path.removeprefix(f"annotations/{TASK}/")) for item in findings(root)}
