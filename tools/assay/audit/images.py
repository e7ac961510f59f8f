"""Rules on the agent's image: what its Dockerfile puts into it, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import lru_cache
from posixpath import join, normpath

from assay.audit import task_rule
from assay.audit.dockerfile import Instruction, Stage, stages
from assay.audit.folder import TaskFolder
from assay.audit.statements import Node, interprets
from assay.diagnostics import Diagnostic, Severity

MOUNTS = {"tests": ("/tests",), "solution": ("/solution", "/oracle")}
"""Where tests and solution appear in a container once the agent is done."""


@dataclass(frozen=True)
class Copied:
    """A file of the tests or the solution that is copied to `place`; `removed` is the line that deletes it again."""

    kind: str
    file: str
    place: str
    line: int
    removed: int = 0


@lru_cache(maxsize=2)
def copied(folder: TaskFolder) -> tuple[Copied, ...]:
    """What the final image holds, or held in an earlier layer, of tests and solution."""
    if folder.dockerfile is None:
        return ()
    built: list[list[Copied]] = []
    names: dict[str, int] = {}
    for number, stage in enumerate(stages(folder.dockerfile.text)):
        content = [*built[names[stage.base]]] if stage.base in names else []
        built.append(_built(folder, stage, content, built, names))
        names |= {str(number): number, stage.name or str(number): number}
    return tuple(built[-1]) if built else ()


def _built(
    folder: TaskFolder, stage: Stage, content: list[Copied], built: Sequence[list[Copied]], names: dict[str, int]
) -> list[Copied]:
    here = "/"
    for item in stage.instructions:
        if item.name == "WORKDIR":
            here = normpath(join(here, item.value))
        elif item.name == "RUN":
            content = _without(content, item)
        elif item.name in ("COPY", "ADD") and len(item.words) > 1:
            place = normpath(join(here, item.words[-1]))
            origin = item.flags.get("from")
            for source in item.words[:-1]:
                if origin is None:
                    content += _from_context(folder, item, source, place)
                elif origin in names:
                    content += _from_stage(built[names[origin]], source, place, item.line)
    return content


def _without(content: list[Copied], item: Instruction) -> list[Copied]:
    for command in item.script.commands:
        if command.name == "rm":
            gone = [word.rstrip("/*") for word in command.words[1:] if word.startswith("/")]
            content = [
                replace(each, removed=command.line) if not each.removed and _below(each.place, gone) else each
                for each in content
            ]
    return content


def _below(place: str, folders: Sequence[str]) -> bool:
    return any(place == folder or place.startswith(f"{folder}/") for folder in folders)


def _from_stage(content: Sequence[Copied], source: str, place: str, line: int) -> Iterator[Copied]:
    start = normpath(source)
    for each in content:
        if not each.removed and _below(each.place, [start.rstrip("/")]):
            yield replace(each, place=normpath(f"{place}/{each.place.removeprefix(start)}"), line=line)


def _from_context(folder: TaskFolder, item: Instruction, source: str, place: str) -> Iterator[Copied]:
    for kind, hidden in (("tests", folder.tests), ("solution", folder.solutions)):
        found = _matching(folder, source, hidden)
        start = re.sub(r"^(\.\./)+", "", normpath(source.lstrip("/") or "."))
        for file in found:
            inner = file if start == "." else file.removeprefix(start)
            yield Copied(kind, file, normpath(f"{place}/{inner}"), item.line)
        if not found and _below(place, MOUNTS[kind]) and folder.kind == "harbor":
            yield Copied(kind, source, place, item.line)


def _matching(folder: TaskFolder, source: str, files: Sequence[str]) -> list[str]:
    """The files of the task, given relative to it, that a COPY of `source` takes."""
    pattern = normpath(source.lstrip("/") or ".")
    if rooted(folder):
        files = [file for file in files if not _ignored(folder, file)]
    elif _inside(pattern, [file.removeprefix("environment/") for file in folder.context_files]):
        return []
    else:
        pattern = re.sub(r"^(\.\./)+", "", pattern)
    return _inside(pattern, files) if pattern != "." or rooted(folder) else []


def _inside(pattern: str, files: Sequence[str]) -> list[str]:
    if pattern == ".":
        return list(files)
    return [
        file for file in files if _below(file, [pattern]) or fnmatch(file, pattern) or fnmatch(file, f"{pattern}/*")
    ]


@lru_cache(maxsize=2)
def rooted(folder: TaskFolder) -> bool:
    """Whether the build context is the whole task folder."""
    if folder.kind == "terminal-bench":
        return True
    compose = folder.text("environment/docker-compose.yaml") or folder.text("environment/docker-compose.yml") or ""
    return re.search(r"(?m)^\s*(context|build):\s*[\"']?\.\.[\"'/]*\s*$", compose) is not None


@lru_cache(maxsize=2)
def _ignore_lines(folder: TaskFolder) -> tuple[str, ...]:
    text = folder.text(".dockerignore") or folder.text("Dockerfile.dockerignore") or ""
    return tuple(line.strip().lstrip("/") for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _ignored(folder: TaskFolder, file: str) -> bool:
    ignored = False
    for line in _ignore_lines(folder):
        pattern = line.removeprefix("!").lstrip("/").rstrip("/")
        if _inside(pattern, [file]) or (
            pattern.startswith("**/") and _inside(pattern[3:], [file, file.rpartition("/")[2]])
        ):
            ignored = not line.startswith("!")
    return ignored


def reaching(folder: TaskFolder) -> tuple[str, ...]:
    """The files of the build context that some COPY takes; all of them where there is no Dockerfile to tell."""
    if folder.dockerfile is None:
        return folder.context_files
    names = {file: file if rooted(folder) else file.removeprefix("environment/") for file in folder.context_files}
    patterns = [
        normpath(source.lstrip("/") or ".").removeprefix("environment/" if rooted(folder) else "")
        for stage in stages(folder.dockerfile.text)
        for item in stage.instructions
        if item.name in ("COPY", "ADD") and "from" not in item.flags
        for source in item.words[:-1]
    ]
    return tuple(file for file, name in names.items() if any(_inside(pattern, [name]) for pattern in patterns))


@task_rule("image-copies-tests")
def image_copies_tests(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The agent's image contains no tests of the verifier.

    The agent reads what it is graded by, or changes it. They are mounted when the agent is done; a separate verifier
    may have an image of its own in `tests/Dockerfile`.

    Bad:
        COPY tests/ /tests/

    Good:
        COPY app/ /app/
    """
    yield from _copies(folder, "tests")


@task_rule("image-copies-solution")
def image_copies_solution(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The agent's image contains no reference solution.

    The agent would only have to find it. A build stage that is left behind may use it.

    Bad:
        # in a Terminal-Bench task, without a .dockerignore that names solution.sh
        COPY . /app

    Good:
        COPY app/ /app/
    """
    yield from _copies(folder, "solution")


def _copies(folder: TaskFolder, kind: str) -> Iterator[Diagnostic]:
    first: dict[int, Copied] = {}
    for each in copied(folder):
        if each.kind == kind and not each.removed:
            first.setdefault(each.line, each)
    for line, each in first.items():
        message = f"`{each.file}` is copied into the agent's image, to `{each.place}`"
        yield folder.at(_name(folder), line, f"image-copies-{kind}", message, hint="copy only what the agent is given")


def _name(folder: TaskFolder) -> str:
    return folder.dockerfile.path if folder.dockerfile else ""


@task_rule("image-unpinned", Severity.NOTE)
def image_unpinned(folder: TaskFolder) -> Iterator[Diagnostic]:
    """An image names the version of its base and installs nothing by piping a download into a shell.

    What is fetched tomorrow differs from what was calibrated today.

    Bad:
        FROM python
        RUN curl -fsSL https://get.example.org | sh

    Good:
        FROM python:3.12.7-slim-bookworm
    """
    found = stages(folder.dockerfile.text) if folder.dockerfile else ()
    names = {stage.name for stage in found}
    for stage in found:
        tag = stage.base.rpartition("/")[2].partition(":")[2]
        if stage.base not in names | {"scratch", ""} and not re.search(r"[@$]", stage.base) and tag in ("", "latest"):
            yield folder.at(_name(folder), stage.line, "image-unpinned", f"the base `{stage.base}` may be any version")
        updated = False
        for item in stage.instructions:
            nodes = [node for node, _ in item.script.walk()] if item.name == "RUN" else []
            for node in nodes:
                updated |= node.name in ("apt", "apt-get") and "update" in node.words
                if node.name in ("apt", "apt-get") and "install" in node.words and not updated:
                    updated = True
                    message = "packages are installed without `apt-get update`: the lists of the base may be stale"
                    yield folder.at(_name(folder), node.line, "image-unpinned", message)
                if _piped_download(node):
                    yield folder.at(_name(folder), node.line, "image-unpinned", "a download is piped into a shell")


def _piped_download(node: Node) -> bool:
    return (
        node.kind == "pipeline"
        and len(node.parts) > 1
        and node.parts[0].name in ("curl", "wget")
        and interprets(node.parts[-1].argv)
    )


@task_rule("service-lost", Severity.WARNING)
def service_lost(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A service is started when the container starts, not while its image is built.

    A layer keeps files, no processes.

    Bad:
        RUN service postgresql start

    Good:
        RUN service postgresql start && su postgres -c "createdb shop"
        ENTRYPOINT ["/start-services.sh"]
    """
    for stage in stages(folder.dockerfile.text)[-1:] if folder.dockerfile else ():
        for item in stage.instructions:
            parts = item.script.whole.parts if item.name == "RUN" else ()
            last = parts[-1] if parts else None
            while last is not None and last.kind in ("and", "or", "block") and last.parts:
                last = last.parts[-1]
            if last is not None and (last.kind == "background" or _starts(last)):
                message = "a service that is started while the image is built does not run in the container"
                yield folder.at(_name(folder), last.line, "service-lost", message)


def _starts(node: Node) -> bool:
    words = node.argv
    return bool(words) and words[0].rpartition("/")[2] in ("service", "systemctl", "rc-service") and "start" in words
