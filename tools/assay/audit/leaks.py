"""Rules on answers that are where they should not be: in what the agent is given, or in front of the reference."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from posixpath import join, normpath
from typing import TypeGuard

from assay.audit import task_rule
from assay.audit.dockerfile import instructions
from assay.audit.folder import Source, TaskFolder
from assay.audit.images import reaching
from assay.audit.python import suite
from assay.audit.shell import Script, script
from assay.audit.statements import Node
from assay.diagnostics import Diagnostic, Severity

_TEST = re.compile(
    r"^(test_.*|.*_test|conftest|.*[.](test|spec)|(run[-_])?tests?|grad(e|er|ing)|verif(y|ier)|scor(e|er))$"
)
_TRUTH = re.compile(r"expected|truth|golden|answer|oracle", re.IGNORECASE)
_CODE = {".py", ".sh", ".js", ".ts", ".go", ".rs", ".rb", ".java", ".c", ".cpp"}
SHORT = 40
"""Characters below which a file or a line is too common to be a leak."""
_HIDDEN = ("/tests", "/logs", "/solution", "/usr", "/bin", "/etc", "/proc", "/dev")


@dataclass(frozen=True)
class Expected:
    """What Python tests expect: the constants, as text, that something must equal, and the absolute paths they name."""

    literals: frozenset[str]
    paths: frozenset[str]


@lru_cache(maxsize=2)
def expected(folder: TaskFolder) -> Expected:
    """What the Python tests of a task expect, all together."""
    literals: set[str] = set()
    paths: set[str] = set()
    for module in suite(folder).modules:
        for node in module.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                paths |= {node.value} if re.fullmatch(r"/\w[\w./-]+", node.value) else set()
            elif isinstance(node, ast.Compare) and any(isinstance(operator, ast.Eq) for operator in node.ops):
                for side in (node.left, *node.comparators):
                    values = module.values.get(side.id, []) if isinstance(side, ast.Name) else [side]
                    literals |= {str(item.value).strip() for item in values if _is_literal(item)}
    return Expected(frozenset(literals), frozenset(path for path in paths if not path.startswith(_HIDDEN)))


def _is_literal(node: ast.expr) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | int | float) and node.value is not True


@task_rule("context-holds-tests")
def context_holds_tests(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Nothing the agent is given repeats a test or an expected result, unless the instruction points to it.

    Who has read what decides writes for it.

    Bad:
        environment/app/.cache/test_outputs.py      # the same as tests/test_outputs.py

    Good:
        environment/app/tests/test_smoke.py         # a start, other than what is graded
    """
    told = "\n".join(source.text for source in folder.instruction_texts)
    for given in _given(folder):
        name = PurePosixPath(given.path)
        if name.name in told or (name.parent.name and f"{name.parent.name}/" in told and name.parent.name != "app"):
            continue
        for test in folder.sources(folder.tests):
            if _graded(test) and _repeats(given.text, test.text, _TRUTH.search(test.path) is None):
                message = f"the agent is given `{test.path}`, which decides about its work"
                yield folder.at(given.path, 1, "context-holds-tests", message, hint="keep it in tests/ only")
                break


def _graded(test: Source) -> bool:
    name = PurePosixPath(test.path)
    is_test = name.suffix in _CODE and _TEST.match(name.stem) is not None
    return len(test.text.strip()) >= SHORT and (is_test or _TRUTH.search(test.path) is not None)


def _repeats(given: str, hidden: str, partly: bool) -> bool:
    if given.strip() == hidden.strip():
        return True
    lines = {line.strip() for line in hidden.splitlines() if len(line.strip()) >= SHORT} if partly else set()
    lines = {line for line in lines if not line.startswith(("#", "import ", "from ", "//"))}
    shared = sum(line in given for line in lines)
    return shared >= 4 and shared >= 0.8 * len(lines)


def _given(folder: TaskFolder) -> tuple[Source, ...]:
    """Files of the agent's image and of the milestones' working trees."""
    steps = [file for file in folder.files if file.startswith("steps/") and "/workdir/" in file]
    files = [file for file in (*reaching(folder), *steps) if PurePosixPath(file).stem.upper() not in _COMMON]
    return tuple(source for source in folder.sources(files) if len(source.text.strip()) >= SHORT)


_COMMON = {"LICENSE", "LICENCE", "COPYING", "NOTICE", "__INIT__"}


@task_rule("context-holds-solution")
def context_holds_solution(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Nothing the agent is given repeats the reference solution.

    The agent would only have to find it. A file that the solution leaves as it is may be on both sides.

    Bad:
        environment/app/notes/solve.sh              # the same as solution/solve.sh

    Good:
        environment/app/report.py                   # unfinished; solution/files/report.py is finished
    """
    given = _given(folder)
    texts = {source.text.strip(): source.path for source in given}
    sources = [source for source in folder.sources(folder.solutions) if len(source.text.strip()) >= SHORT]
    payload = [source for source in sources if PurePosixPath(source.path).name not in _RUN]
    solved = bool(payload) and all(source.text.strip() in texts for source in payload)
    for source in sources:
        where = texts.get(source.text.strip())
        moved = where is not None and PurePosixPath(where).name != PurePosixPath(source.path).name
        if where is not None and (source not in payload or solved or moved):
            message = f"the agent is given `{source.path}` of the reference solution"
            yield folder.at(where, 1, "context-holds-solution", message, hint="keep it in solution/ only")
    for source in sources:
        for command in script(source.text).commands if source.suffix == ".sh" else ():
            body = command.body.strip()
            for other in given if len(body) >= 3 * SHORT else ():
                if body in other.text and other.path not in {texts.get(each.text.strip()) for each in sources}:
                    message = f"the agent is given what `{source.path}` writes at line {command.line}"
                    yield folder.at(other.path, 1, "context-holds-solution", message)


_RUN = {"solve.sh", "solution.sh", "solution.yaml"}


@task_rule("image-bakes-answer")
def image_bakes_answer(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The image holds no expected result, neither at the place of the output nor in its environment.

    Doing nothing would solve the task.

    Bad:
        RUN echo 1729 > /app/out.txt                # the tests: assert Path("/app/out.txt").read_text() == "1729"

    Good:
        RUN echo "12^3 + 1^3" > /app/in.txt
    """
    wanted = expected(folder)
    outputs = _outputs(folder)
    told = "\n".join(source.text for source in folder.instruction_texts)
    message = "the image contains what the tests expect: `{}`"
    if folder.dockerfile is not None:
        here = "/"
        for item in instructions(folder.dockerfile.text):
            here = normpath(join(here, item.value)) if item.name == "WORKDIR" else here
            for name, value in item.pairs if item.name in ("ENV", "ARG", "LABEL") else ():
                if len(value) > 3 and value in wanted.literals and value not in told:
                    text = message.format(f"{name}={value}")
                    yield folder.at(folder.dockerfile.path, item.line, "image-bakes-answer", text)
            written = _written(item.script, here) if item.name == "RUN" else []
            if item.name == "COPY" and item.heredocs:
                written = [(item.line, normpath(join(here, item.words[-1])), item.heredocs[0].text)]
            for line, place, content in written:
                if place in outputs and content.strip() in wanted.literals:
                    yield folder.at(folder.dockerfile.path, line, "image-bakes-answer", message.format(place))
    for source in folder.sources(reaching(folder)):
        name = source.path.removeprefix("environment/")
        if source.text.strip() in wanted.literals and outputs & {f"/{name}", f"{folder.workdir}/{name}"}:
            yield folder.at(source.path, 1, "image-bakes-answer", message.format(name))


def _outputs(folder: TaskFolder) -> set[str]:
    """The paths named by the tests that the reference solution writes; without one, those that the agent is told to."""
    paths = expected(folder).paths
    solutions = [*folder.sources(folder.solutions)]
    if not solutions:
        told = "\n".join(source.text for source in folder.instruction_texts)
        asked = r"(?i)\b(write|save|create|produce|store|put|output)\b[^.]{0,80}"
        return {path for path in paths if re.search(asked + re.escape(path) + r"\b", told)}
    text = "\n".join(source.text for source in solutions)
    return {path for path in paths if re.search(rf">\s*[\"']?{re.escape(path)}\b", text)} | {
        path for path in paths if re.search(rf"{re.escape(path)}[\"']\)?(,\s*[\"'][wax]|\.write)", text)
    }


def _written(found: Script, here: str) -> list[tuple[int, str, str]]:
    """Line, path and content of the files that a script writes as plain text."""
    written = []
    for command in found.commands:
        words = command.words[1:] if command.name in ("echo", "printf") else ()
        text = command.body or " ".join(word for word in words if word not in ("-n", "-e")).replace("\\n", "\n")
        for redirect in command.redirects:
            if redirect.writes and text:
                written.append((command.line, normpath(join(here, found.expand(redirect.target))), text))
    return written


@task_rule("reference-reads-truth")
def reference_reads_truth(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The reference solution reads only what an agent can read: nothing of the tests, nothing of the verifier's logs.

    Otherwise its success does not prove that the task can be solved.

    Bad:
        cp /tests/expected.json /app/out.json

    Good:
        python3 /app/report.py > /app/out.json
    """
    for source in folder.sources(folder.solutions):
        if source.suffix == ".sh":
            lines = {line for command in script(source.text).commands for line in _truth(folder, source, command)}
        elif source.suffix in _CODE | {".yaml"}:
            lines = set(_quoted(source.text, 1))
        else:
            continue
        for line in sorted(lines):
            message = "the reference solution uses the verifier's files, which no agent has"
            yield folder.at(source.path, line, "reference-reads-truth", message)


def _truth(folder: TaskFolder, source: Source, command: Node) -> Iterator[int]:
    expand = script(source.text).expand
    words = [] if command.name in ("echo", "printf", "mkdir") else [expand(word) for word in command.words]
    words += [expand(redirect.target) for redirect in command.redirects]
    if any(re.match(r"(\.\./)*/?(\.\./)*(tests|logs/verifier)(/|$)", word) and _hidden(folder, word) for word in words):
        yield command.line
    yield from _quoted(command.body, command.line + 1)


def _hidden(folder: TaskFolder, word: str) -> bool:
    """Whether a path leads to the verifier's files; a relative one may be the agent's own."""
    if word.startswith("/"):
        return True
    own = re.sub(r"^(\.{1,2}/)+", "", word)
    return own in folder.files and not any(file.endswith(f"/{own}") for file in folder.context_files)


def _quoted(text: str, first: int) -> Iterator[int]:
    for line, content in enumerate(text.splitlines(), first):
        if not content.lstrip().startswith(("#", "//")) and re.search(r"[\"'\s(](/tests|/logs/verifier)/", content):
            yield line


@task_rule("reference-hardcoded", Severity.NOTE)
def reference_hardcoded(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The reference solution arrives at the expected result, it does not print it.

    A result that is typed in proves the tests, not that the task can be solved.

    Bad:
        echo 1729 > /app/out.txt

    Good:
        python3 -c "print(12**3 + 1**3)" > /app/out.txt
    """
    literals = expected(folder).literals
    for source in folder.sources([file for file in folder.solutions if file.endswith(".sh")]):
        found = script(source.text)
        if not all(command.name in _PLAIN for command in found.commands):
            continue
        lines = [line for line, _, text in _written(found, folder.workdir) if text.strip() in literals]
        if lines:
            message = "the reference solution prints the expected result and computes nothing"
            yield folder.at(source.path, lines[0], "reference-hardcoded", message)


_PLAIN: Sequence[str] = ("", "cat", "cd", "chmod", "echo", "exit", "export", "mkdir", "printf", "set", "touch", "true")
