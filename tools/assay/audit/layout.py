"""Task rules on files and folders: what a task cannot do without, and what nobody reads."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from assay.audit import task_rule
from assay.audit.folder import Goal, TaskFolder
from assay.diagnostics import Diagnostic, Severity
from assay.documents.source import Loc

_BUILDS = ("dockerfile", "docker-compose", "compose.y", "devcontainer", "singularity")
_ODD = re.compile(r'[/\\<>:"|?*\x00-\x1f]|[. ]$')
_SCRIPTS = ("test.sh", "test.bat", "test.ps1")


@task_rule("task-incomplete")
def task_incomplete(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A task has an instruction, an environment, and tests that decide it, and so has each milestone.

    Harbor refuses to load a task without them. A verifier image that brings its tests along needs no script beside it,
    and `docker_image` stands for an environment.

    Bad:
        task.toml
        instruction.md
        tests/test.sh                 # no environment/Dockerfile

    Good:
        task.toml
        instruction.md
        environment/Dockerfile
        tests/test.sh
    """
    legacy = folder.kind == "terminal-bench"
    context = [file for file in folder.files if legacy or file.startswith("environment/")]
    if not folder.setting("environment", "docker_image") and not any(map(_builds, context)):
        name = "Dockerfile" if legacy else "environment/Dockerfile"
        yield folder.at("", 1, "task-incomplete", f"`{name}` is missing")
    for goal in folder.goals:
        own = f"steps/{goal.name}/" if goal.settings else ""
        loc = _place(folder, goal)
        if not legacy and f"{own}instruction.md" not in goal.instructions:
            yield folder.at_setting(loc, "task-incomplete", f"`{own}instruction.md` is missing")
        if goal.script is None and not _brings_tests(folder, goal, own):
            names = ["run-tests.sh"] if legacy else dict.fromkeys((f"{own}tests/test.sh", "tests/test.sh"))
            yield folder.at_setting(loc, "task-incomplete", f"`{'` or `'.join(names)}` is missing")


def _builds(file: str) -> bool:
    name = PurePosixPath(file).name.lower()
    return name.startswith(_BUILDS) or name.endswith(".def")


def _brings_tests(folder: TaskFolder, goal: Goal, own: str) -> bool:
    """Whether the tests are run by a script for another system, or lie in the verifier's own image."""
    tests = {f"{own}tests", "tests"}
    scripts = any(folder.has(f"{place}/{name}") for place in tests for name in _SCRIPTS)
    image = any(folder.has(f"{place}/Dockerfile") for place in tests)
    environments = [table.get("environment") for table in _verifiers(folder, goal)]
    named = any(isinstance(item, dict) and item.get("docker_image") for item in environments)
    return scripts or (goal.separate and (image or named))


def _verifiers(folder: TaskFolder, goal: Goal) -> list[dict[str, Any]]:
    """The tables that say how the tests of `goal` run: the milestone's own, then the task's."""
    return [table for table in (goal.settings.get("verifier"), folder.setting("verifier")) if isinstance(table, dict)]


def _place(folder: TaskFolder, goal: Goal) -> Loc:
    """Where the settings name a milestone; their start for a task without any."""
    steps = folder.setting("steps")
    for number, step in enumerate(steps if goal.settings and isinstance(steps, list) else ()):
        if step is goal.settings:
            return ("steps", number, "name")
    return ()


@task_rule("solution-missing", Severity.NOTE)
def solution_missing(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A task has a reference solution, for each milestone.

    Without one nothing shows that the task can be solved or that its tests accept right work: what only running it can
    tell is not assessed. Corpora that keep their solutions elsewhere are no worse for it.

    Bad:
        tests/test.sh

    Good:
        solution/solve.sh
        tests/test.sh
    """
    for goal in folder.goals:
        if not goal.solutions:
            of = f" of `{goal.name}`" if goal.settings else ""
            message = f"there is no reference solution{of}; what only running can tell is not assessed"
            yield folder.at_setting(_place(folder, goal), "solution-missing", message)


@task_rule("milestone-undeclared", Severity.WARNING)
def milestone_undeclared(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every folder in `steps/` is a milestone that `task.toml` declares.

    Harbor never runs the others: what they ask for and test is no part of the task.

    Bad:
        # task.toml declares merge-rows only
        steps/merge-rows/instruction.md
        steps/write-report/instruction.md

    Good:
        steps/merge-rows/instruction.md
    """
    declared = {goal.name for goal in folder.goals if goal.settings}
    found = {file.split("/")[1]: file for file in reversed(folder.below("steps")) if file.count("/") > 1}
    for name in sorted(set(found) - declared if folder.kind == "harbor" else ()):
        what = f"`steps/{name}` is no milestone; task.toml declares {', '.join(map(repr, sorted(declared))) or 'none'}"
        yield folder.at(found[name], 1, "milestone-undeclared", what.replace("'", "`"))


@task_rule("milestone-name")
def milestone_name(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Milestones have names that are folders on every system, each its own.

    Harbor refuses separators, control characters, a final dot or blank, and names that differ in case only.

    Bad:
        [[steps]]
        name = "merge/rows"

    Good:
        [[steps]]
        name = "merge-rows"
    """
    steps = folder.setting("steps")
    seen: set[str] = set()
    for number, step in enumerate(steps if isinstance(steps, list) else ()):
        name = step.get("name") if isinstance(step, dict) else None
        if not isinstance(name, str) or not name:
            continue
        key = unicodedata.normalize("NFC", name).casefold()
        odd = bool(_ODD.search(name)) or len(name.encode("utf-8", "replace")) > 255
        if odd or key in seen:
            what = "must be the name of a folder" if odd else "must be unique"
            yield folder.at_setting(("steps", number, "name"), "milestone-name", f"`name` {what}, found `{name[:60]}`")
        seen.add(key)


def _artifacts(folder: TaskFolder) -> Iterator[tuple[Loc, int | None, str]]:
    """Where each artifact is declared, the number of its milestone, and its path."""
    steps = folder.setting("steps")
    tables: list[tuple[Loc, int | None]] = [((), None)]
    tables += [(("steps", number), number) for number in range(len(steps) if isinstance(steps, list) else 0)]
    for loc, step in tables:
        items = folder.setting(*loc, "artifacts")
        for number, item in enumerate(items if isinstance(items, list) else ()):
            path = item.get("source") if isinstance(item, dict) else item
            if isinstance(path, str) and path and not (isinstance(item, dict) and item.get("service")):
                yield (*loc, "artifacts", number), step, path


@task_rule("artifact-path", Severity.WARNING)
def artifact_path(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Artifacts are absolute paths, none of them inside another.

    A relative path depends on the directory that the image happens to start in. Of two artifacts that overlap Harbor
    takes the first one only.

    Bad:
        artifacts = ["/app", "/app/report.json"]

    Good:
        artifacts = ["/app/report.json", "/app/src"]
    """
    seen: list[tuple[int | None, str]] = []
    for loc, step, path in _artifacts(folder):
        clean = posixpath.normpath(path)
        if not path.startswith("/"):
            yield folder.at_setting(loc, "artifact-path", f"must be an absolute path, found `{path[:80]}`")
            continue
        rivals = [other for owner, other in seen if owner in (None, step) and _overlap(clean, other)]
        if rivals:
            message = f"`{path[:80]}` must not overlap `{rivals[0][:80]}`; Harbor takes the first only"
            yield folder.at_setting(loc, "artifact-path", message)
        seen.append((step, clean))


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other.rstrip('/')}/") or other.startswith(f"{one.rstrip('/')}/")


@task_rule("artifact-missing", Severity.WARNING)
def artifact_missing(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A verifier in a container of its own is handed something.

    It sees the declared artifacts and what the agent left in `/logs/artifacts`, otherwise the untouched image: every
    attempt fails.

    Bad:
        [verifier]
        environment_mode = "separate"

    Good:
        artifacts = ["/app/report.json"]
        [verifier]
        environment_mode = "separate"
    """
    if any("/logs/artifacts" in source.text for source in folder.agent_visible):
        return
    for goal in folder.goals:
        collects = any(table.get("collect") for table in _verifiers(folder, goal))
        if goal.separate and not goal.artifacts and not collects:
            of = f" of `{goal.name}`" if goal.settings else ""
            message = f"the verifier{of} runs in a container of its own and is handed nothing; declare `artifacts`"
            loc = _place(folder, goal) or ("verifier", "environment_mode")
            yield folder.at_setting(loc, "artifact-missing", message)
