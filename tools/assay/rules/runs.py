"""Rules on recorded runs: whole, of who keeps them, of the attempt and the task as they are, and repeatable."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from assay import kinds
from assay.contents import content_hash, file_hash
from assay.diagnostics import Diagnostic, Severity
from assay.documents import read, validate
from assay.documents.source import Loc
from assay.evidence.runs import CAST, ERR, OUT, Run, rerun_path, runs
from assay.rules import rule
from assay.workspace import Workspace

_FILES = "annotations/*/evidence/*/*.json"
_AGAIN = "record it again with `assay verify` and cite the new number"


@rule("run-digest", about=_FILES)
def run_digest(workspace: Workspace) -> Iterator[Diagnostic]:
    """The output of a recorded run is as it was recorded.

    What is quoted from an output that was edited afterwards is what somebody wrote, not what a program printed.

    Bad:
        # 03.out, changed by hand
        3 passed

    Good:
        # 03.out, as it was recorded
        1 failed, 2 passed
    """
    for run in runs(workspace):
        record = run.entry.record
        wanted = {OUT: record.stdout.sha256, ERR: record.stderr.sha256, CAST: record.cast_sha256}
        for suffix, loc in ((OUT, ("stdout", "sha256")), (ERR, ("stderr", "sha256")), (CAST, ("cast_sha256",))):
            if sha256(run.content(suffix)).hexdigest() != wanted[suffix]:
                there = run.file.with_suffix(suffix).is_file()
                state = "it is another" if there else "it is not there"
                message = f"{run.name}{suffix} must be the file that was recorded; {state}"
                yield _at(run, loc, "run-digest", message, "restore it from git, or record another run")


@rule("run-of-other", about=_FILES)
def run_of_other(workspace: Workspace) -> Iterator[Diagnostic]:
    """A recorded run lies where its annotator keeps it, is called by its number, and is of that folder's task.

    Runs are numbered and cited by who made them. A run that was copied from somebody else is no evidence of one's own,
    and shows that their evidence was read before it was revealed.

    Bad:
        # annotations/row-merge/evidence/rater-1/02.json
        "annotator": "rater-2"

    Good:
        # annotations/row-merge/evidence/rater-1/02.json
        "annotator": "rater-1"
    """
    for run in runs(workspace):
        record = run.entry.record
        for key, inside, outside in (("task", record.task, run.task), ("annotator", record.annotator, run.annotator)):
            if inside != outside:
                message = f"`{key}` must be what the path says, `{outside}`; found `{inside}`"
                hint = f"remove it; `assay verify {run.task}/{record.alias} --by {run.annotator}` records one"
                yield _at(run, (key,), "run-of-other", message, hint)
        if run.name != f"{run.number:02d}":
            message = f"a run is called by its number, `03.json`; found `{run.name}.json`"
            yield _at(run, (), "run-of-other", message, "nothing can cite it; put the name back")


@rule("run-stale", Severity.WARNING, _FILES)
def run_stale(workspace: Workspace) -> Iterator[Diagnostic]:
    """A recorded run was made with the task, the environment and the patch as they are now.

    What was run on other tests, in another image or on another patch says nothing of the attempt as it lies here.

    Bad:
        # a test was changed after the run
        "task_sha256": "5d3e…"

    Good:
        # run again after the change
        "task_sha256": "9f86…"
    """
    now: dict[str, str] = {}
    for run in runs(workspace):
        task, record = workspace.tasks.get(run.task), run.entry.record
        attempt = workspace.attempt(run.task, record.alias)
        if task is None or record.task != run.task:
            continue
        if attempt is None:
            message = f"`{run.task}` has no trajectory `{record.alias}`"
            yield _at(run, ("alias",), "run-stale", message, "remove the run and what cites it")
            continue
        now[task.id] = now.get(task.id) or content_hash(task.folder)
        session = attempt.session.record.predicate if attempt.session else None
        patch = attempt.folder / "patches" / f"{record.state.milestone}.patch"
        digest = file_hash(patch) if patch.is_file() else sha256(b"").hexdigest()
        if record.task_sha256 != now[task.id]:
            message = f"`{task.id}` was changed after this run; it shows another version"
            yield _at(run, ("task_sha256",), "run-stale", message, _AGAIN)
        elif session and session.image.context_sha256 != record.image.context_sha256:
            message = f"this run was in another environment than `{record.alias}` was made in"
            yield _at(run, ("image", "context_sha256"), "run-stale", message, "say so where you cite it")
        elif record.state.patch_sha256 != digest:
            message = f"the patch of `{record.alias}` is not the one that this run was made on"
            yield _at(run, ("state", "patch_sha256"), "run-stale", message, _AGAIN)


@rule("run-changed", about=_FILES)
def run_changed(workspace: Workspace) -> Iterator[Diagnostic]:
    """A recorded run comes out as recorded when it is run again.

    Exit code, status of each test and output count; durations, times, addresses and temporary names do not. Known on
    this machine after `assay check --rerun-evidence`, which notes it below `.assay` and runs twice before it says so.

    Bad:
        # run:03 had said so; run again it exits with 1
        "exit_code": 0

    Good:
        # run again it exits with 1, too
        "exit_code": 1
    """
    yield from _rerun(workspace, "changed", "run-changed", "run again, it comes out otherwise: {}")


@rule("run-not-deterministic", Severity.WARNING, _FILES)
def run_not_deterministic(workspace: Workspace) -> Iterator[Diagnostic]:
    """A recorded run comes out the same each time.

    What differs from one run to the next proves nothing by one run. Known on this machine after
    `assay check --rerun-evidence`.

    Bad:
        "command": ["sh", "-c", "echo $RANDOM"]

    Good:
        "command": ["sh", "-c", "./tally.sh sample.txt"]
    """
    yield from _rerun(workspace, "unsteady", "run-not-deterministic", "two more runs of it differ: {}")


def _rerun(workspace: Workspace, verdict: str, name: str, words: str) -> Iterator[Diagnostic]:
    for run in runs(workspace):
        path = rerun_path(run.task, run.annotator, run.name)
        document = read(workspace.root / path, path)[0] if (workspace.root / path).is_file() else None
        found = validate(document, kinds.RERUN.model)[0] if document else None
        if found and found.verdict == verdict and found.run_sha256 == run.sha256:
            hint = "see why, and cite what holds; `assay check --rerun-evidence` looks again"
            yield _at(run, ("exit_code",), name, words.format(found.found), hint)


def _at(run: Run, loc: Loc, name: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic.at(run.entry.path, run.entry.document.position(loc), name, message, hint=hint)
