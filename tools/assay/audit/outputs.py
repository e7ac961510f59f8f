"""What tests in Python read of the agent's work, and what the agent can know of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from posixpath import basename, dirname, join, normpath

from assay.audit.folder import TaskFolder
from assay.audit.python import Scope

OWN = re.compile(
    r"/(tests|logs|tmp|usr|bin|sbin|lib\w*|proc|sys|dev|run|etc|var|solution|oracle|oracle-solution|root/\.\w+)(/|$)"
)
"""Container paths that are the verifier's own or the system's."""
_PATHS = {"Path", "PurePath", "PosixPath", "PurePosixPath", "join", "joinpath"}
_SAME = {"str", "fspath", "abspath", "realpath", "expanduser", "resolve", "absolute", "as_posix"}
_READ = {"open", "exists", "isfile", "isdir", "getsize", "getmtime", "listdir", "read_csv", "read_json", "connect"}
_READ |= {
    "read_parquet",
    "read_excel",
    "loadtxt",
    "spec_from_file_location",
    "run_path",
    "copy",
    "copyfile",
    "copytree",
}
_READ |= {"read_text", "read_bytes", "is_file", "is_dir", "stat", "iterdir", "glob", "rglob", "lexists", "imread"}
_WRITE = {"write_text", "write_bytes", "mkdir", "makedirs", "touch", "unlink", "remove", "rmtree", "symlink_to"}
_MOVE = {"copy", "copy2", "copyfile", "copytree", "move", "rename", "replace", "symlink"}
_PARSED = {"load", "loads", "safe_load", "DictReader", "read_csv", "read_json", "json", "get_json", "read_parquet"}
_KEPT = {"sorted", "list", "tuple", "set", "reversed", "enumerate", "dict", "next", "iter", "filter", "keys", "values"}
_KEPT |= {"items", "get", "copy", "to_dict", "iterrows", "strip", "splitlines", "read", "read_text", "split", "decode"}
_SHOWN = {"stdout", "stderr", "output", "text", "content", "check_output", "json", "body"}
_OPAQUE = re.compile(
    r"git clone|curl |wget |pip3? install -e|tar -?x|unzip|--from=\S{1,300}[:/]|"
    r"https?://\S{1,300}\.(zip|tgz|tar|gz|json|csv)"
)
_PLAIN = "alpine|busybox|centos|debian|dotnet|fedora|gcc|golang|go|java|jdk|julia|nginx|node|openjdk|perl|php|postgres"
_PLAIN_BASE = re.compile(
    rf"(^|[/-])({_PLAIN}|python|r-base|rockylinux|ruby|rust|slim|temurin|ubuntu|scratch)([\d.:@-]|$)", re.IGNORECASE
)
READ_LIMIT = 60_000
"""Characters of a file that are searched for words."""


def path_of(node: ast.AST | None, scope: Scope, depth: int = 6) -> str | None:
    """The constant path or text that an expression stands for."""
    if node is None or depth == 0:
        return None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
        left, right = path_of(node.left, scope, depth - 1), path_of(node.right, scope, depth - 1)
        if left is None or right is None:
            return None
        return join(left, right) if isinstance(node.op, ast.Div) else left + right
    if isinstance(node, ast.JoinedStr):
        parts = [
            path_of(getattr(part, "value", None) if isinstance(part, ast.FormattedValue) else part, scope, depth - 1)
            for part in node.values
        ]
        return None if None in parts else "".join(part or "" for part in parts)
    if isinstance(node, ast.Call):
        return _path_of_call(node, scope, depth)
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        inner = path_of(node.value, scope, depth - 1)
        return inner and dirname(inner)
    return path_of(scope.value(node), scope, depth - 1) if isinstance(node, ast.Name | ast.Attribute) else None


def _path_of_call(node: ast.Call, scope: Scope, depth: int) -> str | None:
    name = scope.module.called(node).rpartition(".")[2]
    method = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name in _PATHS:
        parts = [path_of(arg, scope, depth - 1) for arg in ([method] if name == "joinpath" else []) + node.args]
        return None if None in parts or not parts else join(*(part or "" for part in parts))
    if name in ("get", "getenv"):
        from_environment = len(node.args) > 1 and scope.module.called(node) in ("os.environ.get", "os.getenv")
        return path_of(node.args[1], scope, depth - 1) if from_environment else None
    if name in _SAME:
        return path_of(node.args[0] if node.args else method, scope, depth - 1)
    return None


@dataclass(frozen=True)
class Place:
    """A path that tests read, where they first do."""

    path: str
    file: str
    line: int


def reads(scope: Scope) -> Iterator[Place]:
    """Paths that a function reads, looks for or runs."""
    for node in scope.calls:
        name = scope.module.called(node).rpartition(".")[2]
        wanted: list[ast.AST | None] = []
        if name in _READ and not opened_to_write(node):
            method = node.func.value if isinstance(node.func, ast.Attribute) else None
            arguments = node.args[1:2] if name == "spec_from_file_location" else node.args[:1]
            wanted = [method] if path_of(method, scope) else [*arguments]
        elif node.args and isinstance(node.args[0], ast.List):
            wanted = [*node.args[0].elts[:2]]
        for path in (path_of(part, scope) for part in wanted):
            if path and len(path) < 300 and re.fullmatch(r"[\w./@+-]*[./][\w./@+-]*", path):
                yield Place(normpath(path), scope.module.path, node.lineno)


def writes(scope: Scope) -> Iterator[str]:
    """Paths that a function creates or removes itself, or gives to a program as arguments."""
    for node in scope.calls:
        name = scope.module.called(node).rpartition(".")[2]
        method = node.func.value if isinstance(node.func, ast.Attribute) else None
        targets: list[ast.AST | None] = (
            [*node.args[0].elts[2:]] if node.args and isinstance(node.args[0], ast.List) else []
        )
        if name in _WRITE or (name == "open" and opened_to_write(node)):
            targets = [node.args[0] if node.args else None, method]
        elif name in _MOVE:
            targets = [node.args[-1] if node.args else None]
        yield from (normpath(found) for found in (path_of(target, scope) for target in targets) if found)


def opened_to_write(node: ast.Call) -> bool:
    """Whether a call of `open` has a mode that writes."""
    modes = [
        arg.value
        for arg in (*node.args[-1:], *(k.value for k in node.keywords if k.arg == "mode"))
        if isinstance(arg, ast.Constant)
    ]
    return any(isinstance(mode, str) and re.fullmatch(r"[wax]b?\+?t?|r\+b?", mode) for mode in modes)


def of_agent(node: ast.AST | None, scope: Scope, depth: int = 8, given: bool = False) -> bool:
    """Whether an expression is parsed from what the agent made: a file of it, what a program printed, a response.

    With `given`, what a function gets as an argument is the agent's.
    """
    if node is None or depth == 0:
        return False
    if isinstance(node, ast.Subscript | ast.Starred | ast.Await | ast.Attribute):
        return of_agent(node.value, scope, depth - 1, given)
    if isinstance(node, ast.Name):
        if node.id in scope.parameters:
            return any(_returns(item, depth - 1, False) for item in scope.suite.functions.get(node.id, ()))
        return any(of_agent(value, scope, depth - 1, given) for value in scope.values(node.id))
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
        return of_agent(node.elt, scope, depth - 1, given)
    if not isinstance(node, ast.Call):
        return False
    name = scope.module.called(node).rpartition(".")[2]
    method = node.func.value if isinstance(node.func, ast.Attribute) else None
    if name in _PARSED and (node.args or name in ("json", "get_json")):
        return given or name in ("json", "get_json") or any(_shown(arg, scope, depth - 1) for arg in node.args)
    if name in _KEPT:
        return of_agent(node.args[0] if node.args and name not in ("get", "split") else method, scope, depth - 1, given)
    works = any(is_work(path_of(arg, scope)) for arg in node.args)
    return any(_returns(item, depth - 1, works) for item in scope.suite.functions.get(name, ()))


def _returns(scope: Scope, depth: int, given: bool) -> bool:
    nodes = (node.value for node in scope.nodes if isinstance(node, ast.Return | ast.Yield))
    return any(of_agent(node, scope, depth, given) for node in nodes)


def _shown(node: ast.AST | None, scope: Scope, depth: int) -> bool:
    """Whether a text or an open file is the agent's."""
    if node is None or depth <= 0:
        return False
    if is_work(path_of(node, scope)):
        return True
    if isinstance(node, ast.Attribute):
        return node.attr in _SHOWN or _shown(node.value, scope, depth - 1)
    if isinstance(node, ast.Name):
        return any(_shown(value, scope, depth - 1) for value in scope.values(node.id))
    if isinstance(node, ast.Subscript | ast.Starred):
        return _shown(node.value, scope, depth - 1)
    if isinstance(node, ast.Call):
        name = scope.module.called(node).rpartition(".")[2]
        method = node.func.value if isinstance(node.func, ast.Attribute) else None
        return name in _SHOWN or any(_shown(part, scope, depth - 1) for part in (*node.args[:1], method))
    return False


def is_work(path: str | None) -> bool:
    """Whether a path is of the agent's making: a file name, or a path outside the verifier and the system."""
    return bool(path and re.fullmatch(r"/?[\w.-]+(/[\w.-]+)*\.\w{1,8}|/\w+(/[\w.-]+)+", path)) and not OWN.match(
        path or ""
    )


@lru_cache(maxsize=4)
def visible(folder: TaskFolder) -> str:
    """All text that the agent can read, and the names of its files."""
    told = folder.text("user.yaml") or ""
    return "\n".join((*(item.text[:READ_LIMIT] for item in folder.agent_visible), *folder.context_files, told))


@lru_cache(maxsize=4)
def reference(folder: TaskFolder) -> str:
    """The text of the reference solutions."""
    return "\n".join(source.text[:READ_LIMIT] for source in folder.sources(folder.solutions))


def given(folder: TaskFolder) -> set[str]:
    """Names of the files and folders that the image starts with."""
    return {part for file in folder.context_files for part in file.split("/")} | {basename(folder.workdir), ""}


def opaque(folder: TaskFolder) -> bool:
    """Whether the image holds more than the task's own files: what the agent can see there cannot be told."""
    if folder.dockerfile is None:
        return True
    text = folder.dockerfile.text[:READ_LIMIT]
    bases = re.findall(r"^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)", text, re.MULTILINE | re.IGNORECASE)
    return bool(_OPAQUE.search(text)) or not any(_PLAIN_BASE.search(base) for base in bases[:1])
