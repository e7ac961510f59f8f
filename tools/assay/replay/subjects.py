"""Task folders that were not made for Assay, as tasks that can be replayed: Harbor 1.0 to 1.4, and Terminal-Bench.

A task without milestones becomes one with a single milestone, `task`, whose instruction, tests and solution are those
of the folder. What cannot stay as it is (Terminal-Bench's folders, names that are no ids) is copied.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from assay.audit.folder import SINGLE
from assay.diagnostics import Diagnostic
from assay.documents import Document, read, validate
from assay.errors import UsageError
from assay.model.foreign import HarborFile, TerminalBenchFile
from assay.model.task import (
    AgentSettings,
    EnvironmentSettings,
    Metadata,
    Package,
    StepSettings,
    TaskFile,
    VerifierSettings,
)
from assay.verification.solving import merge
from assay.verification.terminal_bench import OUTPUT
from assay.workspace import Entry, Task

M = TypeVar("M", bound=BaseModel)

HANDED_OVER = "/logs/artifacts"
"""What Harbor gives to separate verifiers whether it is declared or not."""
RUN_TESTS = f"""\
bash -l /tests/run-tests.sh > /logs/verifier/{OUTPUT} 2>&1
cat /logs/verifier/{OUTPUT}
"""
"""Terminal-Bench types its tests into the agent's login shell."""

_COMPOSE = ("docker-compose.yaml", "docker-compose.yml")
_PLACES = {"TEST_DIR": "/tests", "CONTAINER_LOGS_PATH": "/logs", "CONTAINER_AGENT_LOGS_PATH": "/agent-logs"}
_IDLE = re.compile(r"sleep\W+(infinity|inf|\d+)|tail -f|^bash$")


def subject(folder: Path, store: Path, name: str | None = None) -> Task:
    """The task in `folder`, called `name` (by default as its folder); a copy that it may need goes below `store`.

    Raises UsageError when the folder's settings cannot be read, or ask for something that replays cannot give.
    """
    id = _id(name or folder.name)
    legacy = (folder / "task.yaml").is_file() and not (folder / "task.toml").is_file()
    document, file, home = (_terminal_bench if legacy else _harbor)(folder, store / id, id)
    return Task(id, home, folder.as_posix(), Entry(file, document), rubric=None, user=None, proof=None)


def _id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[-64:].strip("-") or SINGLE


def _refused(file: Path, reason: str) -> UsageError:
    return UsageError("task-not-runnable", f"{file}: {reason}", "`assay audit` without --replay reads it all the same")


def _document(file: Path) -> Document:
    document, found = read(file, file.as_posix())
    if document is None or not isinstance(document.data, dict):
        raise _refused(file, _first(found) or "must be a table of settings")
    return document


def _first(found: list[Diagnostic]) -> str:
    return f"line {found[0].line}: {found[0].message}" if found else ""


def _settings(document: Document, model: type[M], file: Path) -> M:
    """The settings without the keys that their format does not know, as its own tools read them."""
    data = deepcopy(document.data)
    try:
        model.model_validate(data)
    except ValidationError as error:
        for item in error.errors():
            if item["type"] == "extra_forbidden":
                _drop(data, item["loc"])
    record, found = validate(replace(document, data=data), model)
    if record is None:
        raise _refused(file, _first(found) or "the settings do not fit their format")
    return record


def _drop(data: Any, loc: Sequence[int | str]) -> None:
    for part in loc[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):  # the name of a union's member
            return
    data.pop(loc[-1])


def _harbor(folder: Path, home: Path, id: str) -> tuple[Document, TaskFile, Path]:
    document = _document(folder / "task.toml")
    found = _settings(document, HarborFile, folder / "task.toml")
    names = {step.name: _id(step.name) for step in found.steps}
    if len(set(names.values())) < len(names):
        raise _refused(folder / "task.toml", "milestones must have names that differ in letters or digits")
    if any(old != new for old, new in names.items()):
        shutil.copytree(folder, home, symlinks=True)
        for old, new in names.items():
            if old != new and (home / "steps" / old).is_dir():
                (home / "steps" / old).rename(home / "steps" / new)
        folder = home
    steps = [StepSettings.model_validate(step.model_dump() | {"name": names[step.name]}) for step in found.steps]
    steps = steps or [StepSettings(name=SINGLE, agent=found.agent, verifier=found.verifier)]
    artifacts = list(found.artifacts)
    if found.verifier.separate or any(step.verifier.separate for step in steps):
        artifacts += [HANDED_OVER] if HANDED_OVER not in artifacts else []
    more = {"agent": found.agent, "solution": found.solution, "verifier": found.verifier}
    file = _task_file(id, steps, found.environment, artifacts=artifacts, **more)
    return document, file, folder


def _task_file(id: str, steps: list[StepSettings], environment: EnvironmentSettings, **more: Any) -> TaskFile:
    """Settings as those of a task of ours; what only people read is made up."""
    unknown = "not stated"
    return TaskFile(
        schema_version="1.4",
        metadata=Metadata(
            difficulty="medium", category=unknown, expert_time_estimate_min=1, crux=unknown, origin=unknown
        ),
        task=Package(name=f"foreign/{id}"),
        environment=environment,
        steps=steps,
        **more,
    )


def _terminal_bench(folder: Path, home: Path, id: str) -> tuple[Document, TaskFile, Path]:
    place = folder / "task.yaml"
    document = _document(place)
    found = _settings(document, TerminalBenchFile, place)
    if found.parser_name != "pytest":
        raise _refused(place, f"`parser_name` must be `pytest`, found `{found.parser_name}`; no other is understood")
    if found.run_tests_in_same_shell:
        raise _refused(place, "`run_tests_in_same_shell` needs the agent's own shell, which no replay has")
    if (folder / "tests/test.sh").exists():
        raise _refused(folder / "tests/test.sh", "this name is Harbor's; tests of Terminal-Bench start in run-tests.sh")
    environment = _layout(folder, home)
    (home / "instruction.md").write_text(found.instruction, encoding="utf-8")
    verifier = VerifierSettings(timeout_sec=found.max_test_timeout_sec, environment_mode="shared")
    step = StepSettings(name=SINGLE, agent=AgentSettings(timeout_sec=found.max_agent_timeout_sec), verifier=verifier)
    return document, _task_file(id, [step], environment), home


def _layout(folder: Path, home: Path) -> EnvironmentSettings:
    """Copy the files to where Harbor has them; returns what the compose file says."""
    service, place = _service(folder)
    build = service.get("build", None if service.get("image") and not (folder / "Dockerfile").is_file() else ".")
    if build is not None:
        options = build if isinstance(build, dict) else {"context": build}
        context = folder / str(options.get("context", "."))
        if not context.resolve().is_relative_to(folder.resolve()):
            raise _refused(place, "the build context must lie in the task folder")
        shutil.copytree(context, home / "environment", symlinks=True, ignore=shutil.ignore_patterns(*_COMPOSE))
        if options.get("dockerfile", "Dockerfile") != "Dockerfile":
            shutil.copyfile(context / str(options["dockerfile"]), home / "environment/Dockerfile")
    merge([folder / "tests"], home / "tests")
    (home / "solution").mkdir()
    if (folder / "run-tests.sh").is_file():
        shutil.copyfile(folder / "run-tests.sh", home / "tests/run-tests.sh")
    (home / "tests/test.sh").write_text(RUN_TESTS, encoding="utf-8")
    if (folder / "solution.sh").is_file():
        shutil.copyfile(folder / "solution.sh", home / "solution/solve.sh")
    elif (folder / "solution.yaml").is_file():
        (home / "solution/solve.sh").write_text(_commands(folder / "solution.yaml"), encoding="utf-8")
    return EnvironmentSettings(
        docker_image=None if build is not None else str(service["image"]),
        workdir=service.get("working_dir"),
        env=_variables(service.get("environment")) | {"TEST_DIR": "/tests"},
    )


def _service(folder: Path) -> tuple[Mapping[str, Any], Path]:
    """The one service of the compose file, with Terminal-Bench's variables filled in; none when there is no file."""
    place = next((folder / name for name in _COMPOSE if (folder / name).is_file()), None)
    if place is None:
        return {}, folder / "Dockerfile"
    services = _document(place).data.get("services")
    if not isinstance(services, dict) or len(services) != 1 or not isinstance(next(iter(services.values())), dict):
        raise _refused(place, "must have exactly one service; environments of several are not supported")
    service = next(iter(services.values()))
    for key in ("privileged", "cap_add", "devices"):
        if service.get(key):
            raise _refused(place, f"`{key}` is not supported; replays give containers no privileges")
    command = service.get("command", "sleep infinity")
    if not _IDLE.search(" ".join(map(str, command)) if isinstance(command, list) else str(command)):
        raise _refused(place, "`command` must only keep the container alive; replays start no services")
    return service, place


def _variables(given: Any) -> dict[str, str]:
    pairs = (str(item).partition("=")[::2] for item in given) if isinstance(given, list) else (given or {}).items()
    filled = re.compile(r"\$\{T_BENCH_(\w+)\}")
    return {str(key): filled.sub(lambda match: _PLACES.get(match[1], ""), str(value)) for key, value in pairs}


def _commands(place: Path) -> str:
    """The commands of a solution.yaml as a script."""
    document, found = read(place, place.as_posix())
    items = document.data if document else None
    if not isinstance(items, list) or not all(isinstance(item, dict) and "command" in item for item in items):
        raise _refused(place, _first(found) or "must be a list of commands")
    return "".join(f"{item['command']}\n" for item in items)
