"""A task with its images, and whether a stage of it can be run at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.archives import absolute
from assay.executors import EngineError, Image, Limits
from assay.executors.docker import Engine
from assay.model.task import EnvironmentSettings, StepSettings, TaskFile
from assay.workspace import Task

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Prepared:
    """A task with its images: all that a stage needs."""

    task: Task
    file: TaskFile
    """As the task has it, with the work directory that the image gives when the task names none."""
    image: Image
    verifiers: Mapping[str, Image] = field(default_factory=dict)
    """The images of separate verifiers that do not start from the task's own, by milestone."""

    def step(self, milestone: str) -> StepSettings:
        """The settings of a milestone."""
        return next(step for step in self.file.steps if step.name == milestone)

    @property
    def user(self) -> str:
        """Whom the agent's commands run as; empty for root."""
        user = self.file.agent.user
        return str(user) if user is not None else self.image.user

    def tests_user(self, milestone: str) -> str:
        """Whom the tests of a milestone run as: root in a container of their own, unless it is said otherwise."""
        usual = self.image.user if is_shared(self.file, milestone) else ""
        found = (self.step(milestone).verifier.user, self.file.verifier.user, usual or "root")
        return next(str(user) for user in found if user is not None)

    def tests_environment(self, milestone: str) -> EnvironmentSettings:
        """What a separate verifier's container is made from."""
        return self.step(milestone).verifier.environment or self.file.verifier.environment or self.file.environment

    @property
    def limits(self) -> Limits:
        """Memory and processors of the agent's container."""
        return limits(self.file.environment)


def prepare(engine: Engine, task: Task) -> Prepared:
    """Build or find the task's images. Raises EngineError when that fails or the task needs what is not supported."""
    if task.file is None:
        raise EngineError("task.toml is not valid; run `assay check`")
    file = task.file.record
    if reason := unsupported(file):
        raise EngineError(reason)
    context, wanted = task.folder / "environment", file.environment
    if any((context / name).exists() for name in ("docker-compose.yaml", "docker-compose.yml")):
        raise EngineError("environments of several services (docker-compose) are not supported yet")
    if (context / "Dockerfile").is_file():
        image = engine.build(context, task.id, wanted.build_timeout_sec)
    elif wanted.docker_image:
        image = engine.image(wanted.docker_image)
    else:
        raise EngineError("the task needs environment/Dockerfile or `docker_image`")
    workdir = {"workdir": wanted.workdir or image.workdir or "/"}
    file = file.model_copy(update={"environment": wanted.model_copy(update=workdir)})
    return Prepared(task, file, image, _verifier_images(engine, task, file))


def _verifier_images(engine: Engine, task: Task, file: TaskFile) -> dict[str, Image]:
    """A Dockerfile beside the tests describes their own image (Harbor's convention); else settings may name one."""
    found = {}
    for step in file.steps:
        if is_shared(file, step.name):
            continue
        settings = step.verifier.environment or file.verifier.environment
        folders = (task.folder / "steps" / step.name / "tests", task.folder / "tests")
        context = next((folder for folder in folders if (folder / "Dockerfile").is_file()), None)
        if context:
            seconds = (settings or file.environment).build_timeout_sec
            found[step.name] = engine.build(context, f"{task.id}-tests", seconds)
        elif settings and settings.docker_image:
            found[step.name] = engine.image(settings.docker_image)
        elif settings:
            raise EngineError("`[verifier.environment]` needs tests/Dockerfile or `docker_image`")
    return found


def is_shared(file: TaskFile, milestone: str) -> bool:
    """Whether the tests of a milestone run in the agent's container, as is Harbor's default."""
    own = next(step for step in file.steps if step.name == milestone).verifier
    return not (own if own.environment_mode or own.environment else file.verifier).separate


def unsupported(file: TaskFile) -> str:
    """What the task asks for that replays cannot give; empty when there is nothing of the kind."""
    verifiers = [file.verifier, *(step.verifier for step in file.steps)]
    environments = [file.environment, *(verifier.environment for verifier in verifiers if verifier.environment)]
    services = {artifact.service or "main" for step in file.steps for artifact in file.artifacts_of(step.name)}
    services |= {command.service for verifier in verifiers for command in verifier.collect}
    if services - {"main"}:
        return "services beside `main` are not supported yet"
    if any(item.healthcheck for item in environments) or any(step.healthcheck for step in file.steps):
        return "`healthcheck` is not supported yet; replays start no services"
    if any(item.gpus or item.tpu for item in environments):
        return "accelerators are not supported"
    return "" if all(item.os == "linux" for item in environments) else "only Linux containers are supported"


def artifact_paths(file: TaskFile) -> tuple[str, ...]:
    """Absolute paths of everything that any milestone's verifier receives.

    For a shared one that is the work directory, unless it is the whole file system.
    """
    found = [artifact.source for step in file.steps for artifact in file.artifacts_of(step.name)]
    if file.workdir != "/" and any(is_shared(file, name) for name in file.milestones):
        found.append(file.workdir)
    return tuple(dict.fromkeys(str(absolute(source, file.workdir)) for source in found))


def limits(settings: EnvironmentSettings) -> Limits:
    """Memory and processors of a container with these settings."""
    return Limits(settings.memory_mb or _megabytes(settings.memory), settings.cpus)


def _megabytes(text: str | None) -> int | None:
    """Harbor's old notation: `4G`, `512M`."""
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([MG])i?B?", text.strip(), re.IGNORECASE)
    if not found:
        raise EngineError(f"`memory` must be like `4G` or `512M`; found `{text}`")
    return int(float(found[1]) * (1024 if found[2].upper() == "G" else 1))


def resolve(variables: Mapping[str, str]) -> dict[str, str]:
    """Values with Harbor's `${NAME}` and `${NAME:-default}` filled in from this process's environment."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], match[2])
        if found is None:
            raise EngineError(f"the task needs the environment variable `{match[1]}`; it is not set here")
        return found

    return {name: _VARIABLE.sub(value, text) for name, text in variables.items()}
