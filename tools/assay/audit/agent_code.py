"""Where a verifier runs what the agent wrote: imports and subprocesses of Python tests, commands of shell scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from assay.audit.python import Module
from assay.audit.shell import Script, script
from assay.audit.statements import interprets, runs_tests

_RUNS = {"run", "Popen", "call", "check_call", "check_output", "system", "popen", "getoutput", "getstatusoutput"}
_LOADS = {"spec_from_file_location", "run_path", "SourceFileLoader", "CDLL", "load_source", "exec_module"}
UNPRIVILEGED = re.compile(
    r"setpriv|runuser|gosu|su-exec|\bsu\s+-|\bsu\s+\w+\s+-|sudo\s+-u|setuid|setresuid|\buser\s*=|bwrap|firejail|nobody"
)
"""Signs that a verifier changes to another user before it runs foreign code."""


def within(path: str, roots: Sequence[str]) -> bool:
    """Whether a container path is one of `roots`, or below one."""
    return any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots)


def executes(argv: Sequence[str], roots: Sequence[str], here: str = "") -> bool:
    """Whether a command runs a program below `roots`; `here` is where relative paths start."""
    if not argv:
        return False
    if within(argv[0], roots):
        return True
    relative = within(here, roots)
    if argv[0].startswith("./") and relative:
        return True
    if argv[0].rpartition("/")[2] in ("make", "cargo", "npm", "go", "node", "ruby") and not runs_tests(argv):
        return relative or any(within(word, roots) for word in argv[1:])
    if not interprets(argv) or runs_tests(argv) or "-c" in argv:
        return False
    first = next((word for word in argv[1:] if not word.startswith("-")), "")
    return within(first, roots) or (relative and bool(first) and not first.startswith("/"))


def shell_lines(found: Script, roots: Sequence[str]) -> Iterator[int]:
    """The lines of a script on which code below `roots` is executed or put on Python's path."""
    here = ""
    for command in found.commands:
        words = [found.expand(word) for word in command.argv]
        if command.name == "cd" and len(words) > 1:
            here = words[1]
        elif executes(words, roots, here):
            yield command.line
        paths = [found.expand(value) for name, value in command.assigned if name == "PYTHONPATH"]
        if any(within(part, roots) for path in paths for part in path.split(":")):
            yield command.line


def python_lines(module: Module, roots: Sequence[str], own: Sequence[str]) -> Iterator[int]:
    """The same for Python tests. `own` are the names of the verifier's modules."""
    names = {path.stem for path in map(PurePosixPath, roots) if path.suffix in ("", ".py")} - set(own)
    known: dict[str, str] = {}
    for name, values in module.values.items():
        if len(values) == 1:
            known[name] = _text(values[0], known)
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom | ast.Import):
            imported = [item.name for item in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(item.partition(".")[0] in names for item in imported):
                yield node.lineno
        elif isinstance(node, ast.Call) and _runs(node, module, known, roots):
            yield node.lineno


def words(node: ast.Call, module: Module, known: Mapping[str, str]) -> list[str]:
    """The command line that a call of `subprocess` or `os` is given as a list; empty for any other call."""
    if module.called(node).rpartition(".")[2] not in _RUNS or not node.args:
        return []
    first = node.args[0]
    found = [_text(item, known) for item in first.elts] if isinstance(first, ast.List | ast.Tuple) else []
    return ["python3", *found[1:]] if found[:1] == ["sys.executable"] else found


def _runs(node: ast.Call, module: Module, known: Mapping[str, str], roots: Sequence[str]) -> bool:
    called = module.called(node)
    name = called.rpartition(".")[2]
    if name in _LOADS or called in ("sys.path.insert", "sys.path.append"):
        return any(within(_text(argument, known), roots) for argument in node.args)
    if name not in _RUNS or not node.args:
        return False
    here = next((_text(word.value, known) for word in node.keywords if word.arg == "cwd"), "")
    argv = words(node, module, known)
    if argv:
        return executes(argv, roots, here)
    line = _text(node.args[0], known)
    return any(True for _ in shell_lines(script(f"cd {here}\n{line}" if here else line), roots))


def _text(node: ast.expr, known: Mapping[str, str]) -> str:
    """The text of a constant, a path made of constants, or a known name; empty for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.Name):
        return known.get(node.id, "")
    if isinstance(node, ast.Attribute):
        return f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        left, right = _text(node.left, known), _text(node.right, known)
        return f"{left}/{right}" if left and right else left
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.FormattedValue) else part for part in node.values)
        return "".join(_text(part, known) for part in parts)
    if isinstance(node, ast.Call) and node.args:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return _text(node.args[0], known) if name in ("Path", "PurePosixPath", "str", "fspath") else ""
    return ""
