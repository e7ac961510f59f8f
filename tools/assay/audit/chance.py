"""Rules on tests in Python whose verdict hangs on something else than the work: itself, the clock, chance, order."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from assay.audit import task_rule
from assay.audit.folder import TaskFolder
from assay.audit.outputs import given, is_work, opaque, path_of
from assay.audit.python import Claim, Module, Scope, suite, walk
from assay.diagnostics import Diagnostic, Severity

_TRUTH = re.compile(r"expect|truth|golden|correct|reference|wanted", re.IGNORECASE)
_REPEATS = re.compile(r"determin|idempot|stable|repeat|consisten|cache|again|twice|same", re.IGNORECASE)
_READERS = {
    *(
        "open",
        "read",
        "read_text",
        "read_bytes",
        "load",
        "loads",
        "safe_load",
        "strip",
        "splitlines",
        "split",
        "str",
        "int",
    ),
    *(
        "float",
        "sorted",
        "list",
        "set",
        "dict",
        "len",
        "lower",
        "Path",
        "join",
        "DictReader",
        "reader",
        "read_csv",
        "get",
    ),
    *("items", "keys", "values", "tuple", "decode", "encode", "exists"),
}
_OUTPUTS = {"open", "read_text", "read_bytes", "read_csv", "run", "check_output", "json", "load", "loads"}
_CLOCKS = re.compile(
    r"time\.(time|time_ns|monotonic|perf_counter|localtime|gmtime|ctime|strftime)$|(datetime|date)\.(now|today|utcnow)$"
)
_THROUGH = {
    *("int", "float", "round", "str", "abs", "max", "min", "timestamp", "strftime", "isoformat", "date"),
    *("replace", "format"),
}
_RANDOM = re.compile(
    r"(random|numpy\.random)\.(?!Random$|RandomState$|default_rng$|seed$|SystemRandom\b|Generator$)[a-z]\w*$"
)
_GENERATORS = ("random.Random", "numpy.random.default_rng", "numpy.random.RandomState")
_NONCE = re.compile(
    r"port|name|suffix|prefix|nonce|token|marker|secret|password|delay|jitter|\bid\b|_id\b|tag|salt|key", re.IGNORECASE
)
_UNORDERED = {"listdir", "scandir", "iterdir", "glob", "rglob", "iglob", "set", "frozenset"}


@task_rule("test-self-consistent")
def test_self_consistent(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A test compares the agent's work with something that the agent did not make.

    An output that is compared with itself, or an expectation computed by the very code under test or read from a file
    that only the agent writes, agrees with itself however wrong it is.

    Bad:
        expected = report.total([1, 2])
        assert report.total([1, 2]) == expected

    Good:
        assert report.total([1, 2]) == 3
    """
    for scope in suite(folder).scopes:
        for claim in scope.claims:
            test = claim.test
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
                reason = _circular(folder, scope, test.left, test.comparators[0])
                if reason:
                    message = f"`{scope.name}` compares the work {reason}"
                    hint = "compare with a value that the verifier computes or keeps"
                    yield folder.at(scope.module.path, claim.line, "test-self-consistent", message, hint=hint)


def _circular(folder: TaskFolder, scope: Scope, left: ast.expr, right: ast.expr) -> str:
    alike = type(_meant(left, scope)) is type(_meant(right, scope))  # unfolding costs much more
    if alike and _unfolded(left, scope) == _unfolded(right, scope):
        used = [*_unfolded_nodes(left, scope), *_unfolded_nodes(right, scope)]
        called = [scope.module.called(node) for node in used if isinstance(node, ast.Call)]
        foreign = [name for name in called if name.rpartition(".")[2] not in _READERS]
        named = any(isinstance(node, ast.Name) and _TRUTH.search(node.id) for node in (left, right))
        twice = ast.dump(left) == ast.dump(right) and not any(isinstance(node, ast.Call) for node in walk(left))
        if twice or not foreign:
            # a number that differs from itself is none
            output = any(name.rpartition(".")[2] in _OUTPUTS for name in called) and "float" not in called
            return "with itself" if output and (twice or not _acts_between(left, right, scope)) else ""
        agents = all(_is_agents(folder, name) for name in foreign)
        return "with what the same code says" if named and agents and not _REPEATS.search(scope.name) else ""
    expected = next((side for side in (left, right) if isinstance(side, ast.Name) and _TRUTH.search(side.id)), None)
    value = scope.value(expected) if expected else None
    if value is None or opaque(folder):
        return ""
    mine = [path for node in _unfolded_nodes(value, scope) for path in (path_of(node, scope),) if is_work(path)]
    made = [path for path in mine if path and path.startswith("/") and path.rpartition("/")[2] not in given(folder)]
    written = any(
        scope.module.called(node).rpartition(".")[2].startswith(("write", "dump", "run")) for node in scope.calls
    )
    return f"with `{made[0]}`, which only the agent writes" if made and len(made) == len(mine) and not written else ""


def _is_agents(folder: TaskFolder, name: str) -> bool:
    """Whether a dotted name belongs to a module that the agent brings."""
    first, dot, _ = name.partition(".")
    ours = {module.stem for module in suite(folder).modules} | set(suite(folder).functions)
    agents = given(folder) | {part for file in folder.solutions for part in file.split("/")}
    return bool(dot) and first not in sys.stdlib_module_names | ours and bool({first, f"{first}.py"} & agents)


def _acts_between(left: ast.expr, right: ast.expr, scope: Scope) -> bool:
    """Whether something runs between two readings, so that comparing them says something."""
    lines = [getattr(scope.value(side) or side, "lineno", 0) for side in (left, right)]
    names = [
        scope.module.called(node).rpartition(".")[2] for node in scope.calls if min(lines) < node.lineno < max(lines)
    ]
    return any(name not in _READERS for name in names)


def _meant(node: ast.expr, scope: Scope, depth: int = 5) -> ast.expr:
    """What a name stands for, as `_unfolded` has it."""
    value = scope.value(node) if isinstance(node, ast.Name) and depth else None
    unfolds = value is not None and not any(isinstance(part, ast.Starred) for part in walk(value))
    return _meant(value, scope, depth - 1) if unfolds and value is not None else node


def _unfolded(node: object, scope: Scope, depth: int = 5) -> str:
    """An expression as text, names replaced by what they stand for; a loop variable stands for itself."""
    value = scope.value(node) if isinstance(node, ast.Name) and depth else None
    if value is not None and not any(isinstance(part, ast.Starred) for part in walk(value)):
        return _unfolded(value, scope, depth - 1)
    if isinstance(node, ast.AST):
        parts = [_unfolded(part, scope, depth) for name, part in ast.iter_fields(node) if name not in ("ctx", "kind")]
        return f"{type(node).__name__}({','.join(parts)})"
    return f"[{','.join(_unfolded(part, scope, depth) for part in node)}]" if isinstance(node, list) else repr(node)


def _unfolded_nodes(node: ast.AST, scope: Scope, depth: int = 5) -> Iterator[ast.AST]:
    for part in walk(node):
        yield part
        value = scope.value(part) if isinstance(part, ast.Name) and depth else None
        if value is not None:
            yield from _unfolded_nodes(value, scope, depth - 1)


@task_rule("test-wall-clock", Severity.WARNING)
def test_wall_clock(folder: TaskFolder) -> Iterator[Diagnostic]:
    """No assertion depends on the date or on a fraction of a second.

    Recorded work is tested again later, and on busier machines. A limit of a second or more on how long something takes
    is a time-out and fine.

    Bad:
        assert report["year"] == datetime.now().year

    Good:
        assert report["year"] == 2024
    """
    if not any("time" in name for module in suite(folder).modules for name in module.imports.values()):
        return
    for scope in suite(folder).scopes:
        if any(origin.partition(".")[0] in ("freezegun", "time_machine") for origin in scope.module.imports.values()):
            continue
        for claim in scope.claims:
            reason = _clocked(claim, scope)
            if reason:
                message = f"`{scope.name}` must give the same verdict at any time; {reason}"
                yield folder.at(scope.module.path, claim.line, "test-wall-clock", message)


def _clocked(claim: Claim, scope: Scope) -> str:
    for node in walk(claim.test) if claim.test is not None else ():
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            kinds = [_time(side, scope) for side in sides]
            bounds = [
                side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, int | float)
            ]
            short = any(bound < 1 for bound in bounds) and isinstance(node.ops[0], ast.Lt | ast.LtE)
            if "elapsed" in kinds and short and "clock" not in kinds:
                return "a limit below one second depends on the machine"
            if "clock" in kinds and set(kinds) != {"clock"} and "mtime" not in ast.unparse(node):
                return "the clock decides it"
    return ""


def _time(node: ast.AST, scope: Scope, depth: int = 6) -> str:
    """`clock` for a point in time that was read here, `elapsed` for a difference of two, else empty."""
    if depth == 0:
        return ""
    if isinstance(node, ast.Call):
        if _CLOCKS.search(scope.module.called(node)):
            return "clock"
        method = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        parts = [*node.args, *method] if scope.module.called(node).rpartition(".")[2] in _THROUGH else []
    elif isinstance(node, ast.BinOp):
        left, right = _time(node.left, scope, depth - 1), _time(node.right, scope, depth - 1)
        if isinstance(node.op, ast.Sub) and left == right == "clock":
            return "elapsed"
        return left or right
    elif isinstance(node, ast.Attribute | ast.Subscript | ast.FormattedValue):
        parts = [node.value]
    elif isinstance(node, ast.JoinedStr):
        parts = [*node.values]
    else:
        value = scope.value(node)
        parts = [value] if value is not None else []
    return next(filter(None, (_time(part, scope, depth - 1) for part in parts)), "")


@task_rule("test-unseeded", Severity.WARNING)
def test_unseeded(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Random inputs come from a seed that is written down.

    An unlucky draw fails good work, a lucky one passes bad work, and neither can be repeated. Random names, ports and
    nonces decide nothing and are fine.

    Bad:
        values = [random.randint(0, 99) for _ in range(20)]

    Good:
        draw = random.Random(7)
        values = [draw.randint(0, 99) for _ in range(20)]
    """
    modules = suite(folder).modules
    if not any(name.startswith(("random", "numpy")) for module in modules for name in module.imports.values()):
        return
    calls = [(module, node) for module in modules for node in module.nodes if isinstance(node, ast.Call)]
    seeded = {module.called(node).rpartition(".")[0] for module, node in calls if _seeds(node, module)}
    for module in modules:
        spared = {id(part) for node in module.nodes if _is_nonce(node) for part in walk(node)}
        for found, node in calls:
            name = found.called(node)
            drawn = _RANDOM.match(name) and name.rpartition(".")[0] not in seeded
            if (
                found is module
                and id(node) not in spared
                and (drawn or (name in _GENERATORS and not node.args + node.keywords))
            ):
                message = f"`{name}` must be seeded, or nobody can repeat the verdict"
                yield folder.at(module.path, node.lineno, "test-unseeded", message, hint="draw from `random.Random(7)`")
                break


def _seeds(node: ast.Call, module: Module) -> bool:
    return module.called(node) in ("random.seed", "numpy.random.seed") and bool(node.args + node.keywords)


def _is_nonce(node: ast.AST) -> bool:
    """Whether what is drawn inside names something, or only takes time."""
    if isinstance(node, ast.Assign):
        return bool(_NONCE.search(ast.unparse(node.targets[0])))
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("sleep")


@task_rule("test-unordered", Severity.WARNING)
def test_unordered(folder: TaskFolder) -> Iterator[Diagnostic]:
    """No assertion expects an order of what has none: sets, directory listings, globs.

    The order changes with the file system and the hash seed, and with it the verdict.

    Bad:
        assert os.listdir("/app/out") == ["a.txt", "b.txt"]

    Good:
        assert sorted(os.listdir("/app/out")) == ["a.txt", "b.txt"]
    """
    for scope in suite(folder).scopes:
        for claim in scope.claims:
            test = claim.test
            if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
                sides = (test.left, test.comparators[0])
                lists = any(
                    isinstance(scope.value(s) or s, ast.List | ast.Tuple)
                    and len(getattr(scope.value(s) or s, "elts", ())) > 1
                    for s in sides
                )
                if lists and any(_is_unordered(side, scope) for side in sides):
                    message = f"`{scope.name}` expects an order of what has none"
                    yield folder.at(scope.module.path, claim.line, "test-unordered", message, hint="sort it first")


def _is_unordered(node: ast.AST, scope: Scope, listed: bool = False, depth: int = 5) -> bool:
    if depth == 0:
        return False
    if isinstance(node, ast.Name):
        sorts = any(scope.module.dotted(call.func) == f"{node.id}.sort" for call in scope.calls)
        value = scope.value(node)
        return value is not None and not sorts and _is_unordered(value, scope, listed, depth - 1)
    if isinstance(node, ast.ListComp):
        return _is_unordered(node.generators[0].iter, scope, True, depth - 1)
    if not isinstance(node, ast.Call):
        return listed and isinstance(node, ast.Set | ast.SetComp)
    name = scope.module.called(node).rpartition(".")[2]
    if name in ("list", "tuple") and node.args:
        return _is_unordered(node.args[0], scope, True, depth - 1)
    return name in _UNORDERED and (listed or name in ("listdir", "glob"))
