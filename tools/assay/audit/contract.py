"""Rules on what tests demand and the agent was told: paths, artifacts, keys, messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from posixpath import basename, dirname, normpath

from assay.audit import task_rule
from assay.audit.folder import Goal, TaskFolder
from assay.audit.outputs import OWN, Place, given, of_agent, opaque, path_of, reads, reference, visible, writes
from assay.audit.python import Scope, suite, walk
from assay.audit.shell import script
from assay.diagnostics import Diagnostic, Severity

_PATH = re.compile(r"/[\w@+-][\w./@+-]*")
_ASKING = (ast.Subscript, ast.Call, ast.Compare)
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"[A-Z](?<=[a-z0-9][A-Z])")
_PLURAL = re.compile(r"s(?<=[a-z]{3}s)(?= |$)")
_SETTING_UP = {
    *("cd", "cp", "mv", "mkdir", "touch", "rm", "ln", "tee", "install", "chown", "chmod", "export", "echo"),
    "source",
}
_RUNS = re.compile(r"\b(subprocess|os\.system|pexpect|runpy|import_module|exec_module)\b")
_RUNNING = re.compile(r"\b(run\w*|system|popen|Popen|call|check_call|check_output|getoutput|execute|exec_\w+|spawn)$")
_SAID = re.compile(r"(^|\.)(assert\w*|fail|skip\w*|print)$")


@task_rule("contract-path", Severity.WARNING)
def contract_path(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every file that tests look for is named where the agent can read it.

    An agent that wrote the right result under another name fails for a name it was never told. What the tests create,
    what is the verifier's or the system's own, and images built from downloads are not asked about.

    Bad:
        Write the totals to a JSON file in /app.    # instruction.md
        TOTALS = Path("/app/totals.json")           # tests/test_totals.py

    Good:
        Write the totals to `/app/totals.json`.     # instruction.md
    """
    if opaque(folder):
        return
    for place in _places(folder, folder.tests):
        told = _mismatch(folder, place.path)
        if told is not None:
            message = f"tests look for `{place.path}`, which the agent is not told; {told}"
            yield folder.at(place.file, place.line, "contract-path", message, hint="name the file in the instruction")


def _mismatch(folder: TaskFolder, path: str) -> str | None:
    """What the agent reads instead of `path`; None when it is told, or when that cannot be decided."""
    name, solved = basename(path), reference(folder)
    spot = rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)"
    if name in given(folder) or (solved and not re.search(spot, solved)):
        return None
    if not path.startswith("/") and any(file.endswith(f"/{name}") for file in folder.tests):
        return None
    text = visible(folder)
    mentions = [_before(text, found.start()) + name for found in re.finditer(spot, text)]
    if not mentions:
        stem = re.match(r"[A-Za-z_]{3,}(?=[\w-]*\d)", name)
        listed = "." not in name.lstrip(".") and not solved
        return None if listed or (stem and stem[0] in visible(folder)) else f"`{name}` is in no file it can read"
    elsewhere = all(_PATH.fullmatch(item) and normpath(item) != path for item in mentions) and path.startswith("/")
    return f"it reads `{normpath(mentions[0])}`" if elsewhere and "." in name and path in solved else None


def _before(text: str, at: int) -> str:
    """The part of a path that ends at an offset."""
    found = re.search(r"[\w./~$*{}<>-]*$", text[max(0, at - 200) : at])
    return found[0] if found else ""


@lru_cache(maxsize=8)
def _places(folder: TaskFolder, files: tuple[str, ...]) -> tuple[Place, ...]:
    """What tests read of the agent's file system, each path once."""
    scopes = [scope for scope in suite(folder).scopes if scope.module.path in files]
    own = {path for scope in scopes for path in writes(scope)}
    lines = {text for scope in scopes for text in _commands(scope)}
    found = [place for scope in scopes for place in reads(scope)]
    for source in folder.sources(tuple(file for file in files if file.endswith(".sh"))):
        parsed = script(source.text)
        for command in parsed.commands:
            words = [parsed.expand(word) for word in command.argv]
            if words and words[0] not in _SETTING_UP:
                found += [Place(normpath(word), source.path, command.line) for word in words if _PATH.fullmatch(word)]
            own |= {normpath(item.target) for item in command.redirects if item.writes}
            own |= {normpath(word) for word in words[1:]} if words and words[0] in _SETTING_UP else set()
    kept: dict[str, Place] = {}
    for place in sorted(found, key=lambda item: (item.file, item.line)):
        made = any(place.path == path or place.path.startswith(f"{path}/") for path in own if path not in ("/", "."))
        if not (made or OWN.match(place.path) or any(place.path in text for text in lines)):
            kept.setdefault(place.path, place)
    return tuple(place for place in kept.values() if not _is_verifiers(folder, files, place.path))


def _is_verifiers(folder: TaskFolder, files: tuple[str, ...], path: str) -> bool:
    """Whether the verifier's own image brings a file."""
    image = "\n".join(source.text for source in folder.sources(tuple(f for f in files if basename(f) == "Dockerfile")))
    own = {part for file in files for part in file.split("/")} if image else set()
    place = dirname(path)
    return basename(path) in own or (len(place) > 1 and not f"{folder.workdir}/".startswith(place) and place in image)


def _commands(scope: Scope) -> Iterator[str]:
    """Shell commands that a function runs: what they mention, they may make."""
    for call in scope.calls:
        if _RUNNING.search(scope.module.called(call)):
            found = (path_of(node, scope) for node in walk(call) if isinstance(node, ast.JoinedStr | ast.Constant))
            yield from (text for text in found if text and " " in text)


@task_rule("contract-artifact", Severity.WARNING)
def contract_artifact(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every file that tests in a container of their own read is a declared artifact, or in their image.

    Only declared artifacts reach a separate verifier. What is left out is missing there, and honest work scores 0.

    Bad:
        artifacts = ["/app/report"]
        SUMMARY = Path("/app/summary.json")     # tests/test_summary.py

    Good:
        artifacts = ["/app/report", "/app/summary.json"]
    """
    for goal in folder.goals if folder.dockerfile else ():
        if goal.separate and goal.artifacts:
            for place in _places(folder, goal.tests):
                if place.path.startswith("/") and _is_left_out(folder, goal, place):
                    message = f"`{place.path}` must be an artifact to reach the tests of `{goal.name}`"
                    hint = f'add "{place.path}" to `artifacts`'
                    yield folder.at(place.file, place.line, "contract-artifact", message, hint=hint)


def _is_left_out(folder: TaskFolder, goal: Goal, place: Place) -> bool:
    sources = [normpath(item if item.startswith("/") else f"{folder.workdir}/{item}") for item in goal.artifacts]
    for source in sources:
        if f"{place.path}/".startswith(f"{source}/") or f"{source}/".startswith(f"{place.path.rstrip('/')}/"):
            return False
    name = basename(place.path)
    if name in given(folder) or _RUNS.search(folder.text(place.file) or ""):
        return False  # in the image, or perhaps made by the program under test
    told = any(name in text.text for text in folder.instruction_texts)
    return (told or not opaque(folder)) and name in (reference(folder) or name)


@task_rule("contract-literal", Severity.WARNING)
def contract_literal(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every key that tests read from the agent's output is named where the agent can read it.

    An instruction that says one key and a test that reads another fail everybody. The same goes for messages of a
    program that a test searches for. Keys that the tests feed in, and images built from downloads, are not asked about.

    Bad:
        Write `/app/totals.json` with the key `total`.                      # instruction.md
        assert json.loads(TOTALS.read_text())["grand_total"] == 12          # tests/test_totals.py

    Good:
        Write `/app/totals.json` with the key `grand_total`.                # instruction.md
    """
    if opaque(folder):
        return
    told, solved = _words(visible(folder) + _fed(folder)), _words(reference(folder))
    seen: set[str] = set()
    for scope in suite(folder).scopes:
        for line, key in sorted([*_keys(scope), *_messages(scope, reference(folder))]):
            words = _words(key)
            wanted = [word for word in words.split() if len(word) > 3] if " " in key.strip() else [words]
            known = sum(_holds(told, word) for word in wanted)
            if len(words) > 4 and key not in seen and (not solved or words in solved) and 2 * known < len(wanted):
                seen.add(key)
                message = f"tests read `{key}`, which is in nothing that the agent can read"
                yield folder.at(scope.module.path, line, "contract-literal", message, hint="name it in the instruction")


def _holds(told: str, words: str) -> bool:
    words = f" {words.strip()} "
    return words in told or (words.count(" ") > 2 and words.replace(" ", "") in told.replace(" ", ""))


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    """The words of a text in lower case between spaces, without plural; `grandTotals` and `GRAND-TOTAL` are equal."""
    split = _HUMP.sub(r" \g<0>", " ".join(_WORD.findall(text))).lower()
    return f" {_PLURAL.sub('', split)} "


def _keys(scope: Scope) -> Iterator[tuple[int, str]]:
    """Keys and column names that a function asks of the agent's output."""
    for node in (node for node in scope.nodes if isinstance(node, _ASKING)):
        found: set[str] = set()
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Constant):
            found = _constants(node.slice, scope) if of_agent(node.value, scope) else found
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr == "get" and of_agent(node.func.value, scope):
                found = _constants(node.args[0], scope)
            elif node.func.attr == "issubset" and _is_mapping(node.args[0], scope):
                found = _constants(node.func.value, scope)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = node.left, node.comparators[0]
            if isinstance(node.ops[0], ast.In | ast.Eq | ast.LtE) and _is_mapping(right, scope):
                found = _constants(left, scope)
            elif isinstance(node.ops[0], ast.Eq | ast.GtE) and _is_mapping(left, scope):
                found = _constants(right, scope)
        yield from ((getattr(node, "lineno", 1), key) for key in found if re.fullmatch(r"[^\W\d][\w -]*", key))


def _is_mapping(node: ast.AST, scope: Scope) -> bool:
    """Whether an expression is the whole of a parsed output, an element of a list in it, or its keys."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "list", "sorted"):
        return bool(node.args) and _is_mapping(node.args[0], scope)
    if isinstance(node, ast.Attribute):
        return node.attr in ("columns", "fieldnames") and of_agent(node, scope)
    value = scope.value(node) or node
    whole = isinstance(value, ast.Call | ast.Starred) or (isinstance(node, ast.Name) and node.id in scope.parameters)
    return whole and of_agent(node, scope)


def _constants(node: ast.AST | None, scope: Scope, depth: int = 8) -> set[str]:
    """The texts that an expression, a loop variable or a parameter goes through; the keys of a dictionary."""
    if depth == 0 or node is None:
        return set()
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    parts: list[ast.AST | None] = []
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        parts = [*node.elts]
    elif isinstance(node, ast.Dict):
        parts = [*node.keys, *(value for value in node.values if isinstance(value, ast.Dict))]
    elif isinstance(node, ast.Starred):
        parts = [node.value]
    elif isinstance(node, ast.Name):
        parts = [scope.value(node), *(mark.args[1] for mark in _parametrized(scope, node.id))]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "list", "sorted"):
        parts = [*node.args]
    elif (
        isinstance(node, ast.Subscript) and isinstance(node.value, ast.Starred) and isinstance(node.slice, ast.Constant)
    ):
        rows = [row.elts for row in getattr(node.value.value, "elts", ()) if isinstance(row, ast.Tuple | ast.List)]
        parts = [
            row[node.slice.value] for row in rows if isinstance(node.slice.value, int) and node.slice.value < len(row)
        ]
    return set().union(*(_constants(part, scope, depth - 1) for part in parts))


def _parametrized(scope: Scope, name: str) -> Iterator[ast.Call]:
    for mark in scope.function.decorator_list:
        if isinstance(mark, ast.Call) and len(mark.args) > 1 and getattr(mark.args[0], "value", None) == name:
            yield mark


def _messages(scope: Scope, solved: str) -> Iterator[tuple[int, str]]:
    """Texts of the reference solution that a function searches for in what a program prints."""
    for claim in scope.claims:
        for node in walk(claim.test) if claim.test is not None else ():
            if (
                isinstance(node, ast.Compare)
                and isinstance(node.ops[0], ast.In)
                and isinstance(node.left, ast.Constant)
            ):
                text, shown = node.left.value, [getattr(part, "attr", "") for part in walk(node.comparators[0])]
                if (
                    isinstance(text, str)
                    and " " in text.strip()
                    and text in solved
                    and {"stdout", "stderr", "text"} & {*shown}
                ):
                    yield claim.line, text


@lru_cache(maxsize=4)
def _fed(folder: TaskFolder) -> str:
    """What the tests themselves put in: inputs beside them, texts of more than a word, arguments of what writes."""
    truth = re.compile(r"expect|truth|golden|answer|oracle|reference|solution|want|correct", re.IGNORECASE)
    files = tuple(file for file in folder.tests if not file.endswith((".py", ".sh")) and not truth.search(file))
    found = [source.text[:20_000] for source in folder.sources(files)]
    for module in suite(folder).modules:
        calls = [node for node in module.nodes if isinstance(node, ast.Call)]
        asked: list[ast.AST] = [node for node in calls if _SAID.search(module.called(node))]
        asked += [node for node in module.nodes if isinstance(node, ast.Assert)]
        asked_too = [
            node.value
            for node in module.nodes
            if isinstance(node, ast.Assign) and truth.search(ast.unparse(node.targets[0]))
        ]
        out = {id(part) for node in (*asked, *asked_too) for part in walk(node)}
        out |= {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
        for node in (node for node in module.nodes if id(node) not in out):
            if isinstance(node, ast.Dict):
                found += [
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                ]
            elif (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[\s,;:<{(]", node.value)
            ):
                found.append(node.value)
            elif isinstance(node, ast.Call) and re.search(
                r"write|post|put|run|insert|execute|DataFrame", module.called(node)
            ):
                found += [
                    part.value for part in walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)
                ]
    return "\n".join(found)
