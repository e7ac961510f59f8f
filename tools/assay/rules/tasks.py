"""Rules on tasks: their layout and their milestones."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.model.rubric import Rubric
from assay.model.task import Artifact
from assay.model.user import SimulatedUser
from assay.rules import rule
from assay.workspace import Task, Workspace


@rule("task-layout")
def task_layout(workspace: Workspace) -> Iterator[Diagnostic]:
    """A task has an environment, an instruction, and for each milestone an instruction, tests and a solution.

    What is missing cannot be replayed, and a task that was never solved by its own solution proves nothing.

    Bad:
        steps/merge-rows/instruction.md

    Good:
        environment/Dockerfile
        instruction.md
        tests/test.sh
        steps/merge-rows/instruction.md
        steps/merge-rows/solution/solve.sh
    """
    for task in workspace.tasks.values():
        if task.file is None:
            continue
        document = task.file.document
        if not task.file.record.environment.docker_image:
            yield from _missing(task, document, ("environment",), "environment/Dockerfile")
        yield from _missing(task, document, (), "instruction.md")
        for number, milestone in enumerate(task.milestones):
            loc, folder = ("steps", number, "name"), f"steps/{milestone}"
            yield from _missing(task, document, loc, f"{folder}/instruction.md")
            yield from _missing(task, document, loc, f"{folder}/tests/test.sh", "tests/test.sh")
            yield from _missing(task, document, loc, f"{folder}/solution/solve.sh")


def _missing(task: Task, document: Document, loc: Loc, *names: str) -> Iterator[Diagnostic]:
    if not any((task.folder / name).is_file() for name in names):
        yield _at(document, loc, "task-layout", f"{' or '.join(f'`{name}`' for name in names)} is missing")


@rule("task-milestone-unknown")
def task_milestone_unknown(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every milestone that a rubric, a simulated user or a folder in `steps/` names is declared in `task.toml`.

    A criterion of a milestone that does not exist is never decided, an intent of one is never said.

    Bad:
        # task.toml declares merge-rows
        milestone: merge-row

    Good:
        milestone: merge-rows
    """
    for task in workspace.tasks.values():
        if task.file is None:
            continue
        known = f"`task.toml` has {', '.join(f'`{name}`' for name in task.milestones)}"
        for document, loc, milestone in _named_milestones(task):
            if milestone not in task.milestones:
                yield _at(document, loc, "task-milestone-unknown", f"there is no milestone `{milestone}`; {known}")
        for folder in sorted(task.folder.glob("steps/*")):
            if folder.is_dir() and folder.name not in task.milestones:
                message = f"the folder `steps/{folder.name}` is no milestone; {known}"
                yield _at(task.file.document, ("steps",), "task-milestone-unknown", message)


def _named_milestones(task: Task) -> Iterator[tuple[Document, Loc, str]]:
    if task.rubric:
        for loc, name in _of_rubric(task.rubric.record):
            yield task.rubric.document, loc, name
    if task.user:
        for loc, name in _of_user(task.user.record):
            yield task.user.document, loc, name


def _of_rubric(rubric: Rubric) -> Iterator[tuple[Loc, str]]:
    for number, criterion in enumerate(rubric.criteria):
        if criterion.milestone is not None:
            yield ("criteria", number, "milestone"), criterion.milestone
        if criterion.test is not None:
            yield ("criteria", number, "test"), criterion.test.partition("/")[0]


def _of_user(user: SimulatedUser) -> Iterator[tuple[Loc, str]]:
    for number, intent in enumerate(user.intents):
        yield ("intents", number, "milestone"), intent.milestone
        for place, trigger in enumerate(intent.reveal):
            loc = ("intents", number, "reveal", place)
            if trigger.on_milestone_pass is not None:
                yield (*loc, "on_milestone_pass"), trigger.on_milestone_pass
            if trigger.on_test_fail is not None:
                yield (*loc, "on_test_fail"), trigger.on_test_fail.partition("/")[0]


@rule("task-artifacts")
def task_artifacts(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every milestone declares artifacts, by absolute paths.

    Tests run in a fresh container that receives the declared artifacts and nothing else. Without one the tests see
    the untouched image, and every attempt fails.

    Bad:
        artifacts = ["src"]

    Good:
        artifacts = ["/app/src"]
    """
    for task in workspace.tasks.values():
        if task.file is None:
            continue
        record, document = task.file.record, task.file.document
        declared: list[tuple[Loc, str | Artifact]] = [
            (("artifacts", n), item) for n, item in enumerate(record.artifacts)
        ]
        for number, step in enumerate(record.steps):
            declared += [(("steps", number, "artifacts", n), item) for n, item in enumerate(step.artifacts)]
            if not record.artifacts and not step.artifacts:
                message = f"`{step.name}` must declare an artifact, found none"
                hint = 'name what the tests need, such as `artifacts = ["/app/src"]` at the top'
                yield _at(document, ("steps", number, "name"), "task-artifacts", message, hint)
        for loc, item in declared:
            path = item.source if isinstance(item, Artifact) else item
            if not path.startswith("/"):
                message = f"artifacts are absolute paths in the container, found `{path}`"
                yield _at(document, loc, "task-artifacts", message)


@rule("task-verifier-shared", Severity.WARNING)
def task_verifier_shared(workspace: Workspace) -> Iterator[Diagnostic]:
    """Tests run in a container of their own.

    In the agent's container a process it left behind, a planted `conftest.py` or a replaced shell decides the verdict.

    Bad:
        [verifier]
        environment_mode = "shared"

    Good:
        [verifier]
        environment_mode = "separate"
    """
    for task in workspace.tasks.values():
        if task.file is None:
            continue
        record, document = task.file.record, task.file.document
        places: list[Loc] = [] if record.verifier.separate else [("verifier", "environment_mode")]
        for number, step in enumerate(record.steps):
            if step.verifier.environment_mode == "shared" and record.verifier.separate:
                places.append(("steps", number, "verifier", "environment_mode"))
        for loc in places:
            message = 'the tests must not share the agent\'s container; set `environment_mode = "separate"`'
            yield _at(document, loc, "task-verifier-shared", message)


def _at(document: Document, loc: Loc, name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), name, message, hint=hint)
