"""Reading Python tests: what they claim, what calls what, and what a name stands for.

Best effort by design: a file that does not parse is left out, what cannot be told is None.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, islice
from pathlib import PurePosixPath

from assay.audit.folder import TaskFolder

Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_PLAIN = {"arg", "asname", "attr", "conversion", "ctx", "id", "kind", "level", "module", "name", "type_comment"}
_KNOWN_PARTS: dict[type[ast.AST], tuple[str, ...]] = {}
_BLOCKS = (ast.If, ast.While, ast.For)
_ASSIGNMENTS = (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_TEST_FILE = re.compile(r"(^|/)(test_[^/]*|[^/]*_test|tests)\.py$")
_COMPARED: dict[str, tuple[type[ast.cmpop], ...]] = {
    "assertEqual": (ast.Eq,),
    "assertEquals": (ast.Eq,),
    "assertListEqual": (ast.Eq,),
    "assertDictEqual": (ast.Eq,),
    "assertIn": (ast.In,),
    "assertNotIn": (ast.NotIn,),
    "assertGreater": (ast.Gt,),
    "assertGreaterEqual": (ast.GtE,),
    "assertLess": (ast.Lt,),
    "assertLessEqual": (ast.LtE,),
}
_FAILING = re.compile(r"_*(assert|expect|check|verify|validate|ensure|fail|require|compare|raises|warns|should|exit$)")
DEEPEST = 300
"""Levels of a tree that rules can walk."""
_RAISING = {
    *("load", "loads", "safe_load", "parse", "parsestring", "compile", "import_module", "exec_module"),
    *("raise_for_status", "communicate", "wait", "wait_for", "run_path", "run_module", "exec", "unlink"),
}
"""Calls that fail where something is missing or malformed, so that a test of nothing but them says something."""


@dataclass(frozen=True)
class Claim:
    """One thing that a test demands; `test` is the expression that must be true, None where it is no expression."""

    node: ast.AST
    line: int
    test: ast.expr | None


@dataclass(eq=False)
class Module:
    """A parsed file of the tests."""

    path: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    """Local name -> dotted origin."""

    @property
    def stem(self) -> str:
        """The name it is imported by."""
        return PurePosixPath(self.path).stem

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, the outer ones first."""
        return tuple(walk(self.tree))

    @cached_property
    def values(self) -> dict[str, list[ast.expr]]:
        """What module and classes bind their names to."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.tree.body:
            body = [node, *node.body] if isinstance(node, ast.ClassDef) else [node]
            for part in body:
                if not isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
                    _bind(walk(part), found)
        return found

    def dotted(self, node: ast.AST) -> str:
        """`os.path.exists` for a name or attribute, imports resolved; `.exists` where its object is an expression."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        first = self.imports.get(node.id, node.id) if isinstance(node, ast.Name) else ""
        return ".".join([first, *reversed(parts)])

    def called(self, node: ast.AST) -> str:
        """The dotted name of what a call calls; empty for what is no call."""
        return self.dotted(node.func) if isinstance(node, ast.Call) else ""


@dataclass(eq=False)
class Scope:
    """A function of the tests, with all it can see; `nodes` are those of its own that can be reached."""

    suite: Suite
    module: Module
    function: Function
    name: str

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """The nodes of the body that can run."""
        found: list[ast.AST] = []
        _live(self.function.body, self, found)
        return tuple(found)

    @cached_property
    def used(self) -> set[str]:
        """The names in it: a function that is defined in it and not named runs never."""
        return {node.id for node in walk(self.function) if isinstance(node, ast.Name)}

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What the function itself demands, in source order."""
        return tuple(sorted(claims(self.nodes, self.module), key=lambda claim: claim.line))

    @cached_property
    def local(self) -> dict[str, list[ast.expr]]:
        """Name -> what this function binds it to; loop variables to what is looped over, starred."""
        found: dict[str, list[ast.expr]] = {}
        _bind(self.nodes, found)
        return found

    @cached_property
    def parameters(self) -> frozenset[str]:
        """The names of its arguments: fixtures, in a test."""
        spec = self.function.args
        return frozenset(item.arg for item in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs))

    def values(self, name: str) -> Sequence[ast.expr]:
        """Everything that a name may stand for: local, of the module or its classes, imported from another module."""
        if name in self.local or name in self.parameters:
            return self.local.get(name, ())
        found = self.module.values.get(name)
        if found is None and "." in (origin := self.module.imports.get(name, "")):
            stem, _, name = origin.rpartition(".")
            other = next((item for item in self.suite.modules if item.stem == stem.rpartition(".")[2]), None)
            found = other.values.get(name) if other else None
        return found or ()

    def value(self, node: ast.AST) -> ast.expr | None:
        """What a name, or an attribute of a class or a module of the tests, stands for when it is bound once."""
        found: Sequence[ast.expr] = ()
        if isinstance(node, ast.Name):
            found = self.values(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            origin = self.module.dotted(node.value)
            other = next((item for item in self.suite.modules if item.stem == origin), None)
            if origin in ("self", "cls") or origin[:1].isupper():
                other = self.module
            found = other.values.get(node.attr, ()) if other else ()
        return found[0] if len(found) == 1 else None

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        """Every call that can be reached."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def reached(self) -> tuple[Scope, ...]:
        """Itself and every function of the tests that it calls, or takes as a fixture."""
        found, queue = {id(self): self}, [self]
        while queue:
            scope = queue.pop()
            names = {scope.module.called(call).rpartition(".")[2] for call in scope.calls} | scope.parameters
            names |= {node.id for node in scope.nodes if isinstance(node, ast.Name)}
            for other in (item for name in names for item in self.suite.functions.get(name, ())):
                if id(other) not in found:
                    found[id(other)] = other
                    queue.append(other)
        return tuple(found.values())

    @cached_property
    def can_fail(self) -> bool:
        """Whether anything in it, or in what it reaches, can fail by more than chance."""
        return any(scope.claims or any(_raises(node, scope.module) for node in scope.nodes) for scope in self.reached)


@dataclass(eq=False)
class Suite:
    """The Python files of the tests."""

    modules: tuple[Module, ...]
    named: str
    """The scripts that run the tests: a file they name holds tests, whatever it is called."""

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every function and method, and what each module runs when it is imported, in source order."""
        found = []
        for module in self.modules:
            body = [node for node in module.tree.body if not isinstance(node, (*_FUNCTIONS, ast.ClassDef))]
            whole = ast.FunctionDef("<module>", ast.arguments([], [], None, [], [], None, []), body, [], lineno=1)
            found += [Scope(self, module, node, name) for node, name in (*_defined(module.tree), (whole, "<module>"))]
        return tuple(found)

    @cached_property
    def functions(self) -> Mapping[str, Sequence[Scope]]:
        """Bare name -> the functions and methods that have it; who calls it is not asked."""
        found: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            found.setdefault(scope.function.name, []).append(scope)
        return found

    @cached_property
    def tests(self) -> tuple[Scope, ...]:
        """The functions that pytest or unittest collects."""
        return tuple(scope for scope in self.scopes if self._is_test(scope))

    def _is_test(self, scope: Scope) -> bool:
        name = scope.function.name
        path = scope.module.path
        collected = _TEST_FILE.search(path) or re.search(rf"\b{re.escape(PurePosixPath(path).name)}\b", self.named)
        fixture = any("fixture" in ast.unparse(item) for item in scope.function.decorator_list)
        return bool(collected) and name.startswith("test") and not fixture


@lru_cache(maxsize=4)
def suite(folder: TaskFolder) -> Suite:
    """The tests of a task in Python."""
    found = []
    for source in folder.sources(folder.tests, ".py"):
        tree = parse(source.text)
        if tree is not None:
            found.append(Module(source.path, tree))
            found[-1].imports.update(_imports(found[-1].nodes))
    return Suite(tuple(found), "\n".join(script.text for script in folder.scripts))


def parse(text: str) -> ast.Module | None:
    """The tree of a Python file; None when it is none, or nested beyond reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if sum(1 for _ in islice(_levels(tree), DEEPEST + 1)) <= DEEPEST else None


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree as `ast.walk` gives them, without contexts such as Load, in a fraction of its time."""
    return chain.from_iterable(_levels(tree))


def _levels(tree: ast.AST) -> Iterator[list[ast.AST]]:
    level = [tree]
    while level:
        yield level
        below: list[ast.AST] = []
        for node in level:
            for name in _parts(type(node)):
                value = getattr(node, name, None)
                if value.__class__ is list:
                    below += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST):
                    below.append(value)
        level = below


def _parts(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes worth looking at."""
    if kind not in _KNOWN_PARTS:
        fields = () if kind is ast.Constant else kind._fields
        _KNOWN_PARTS[kind] = tuple(name for name in fields if name not in _PLAIN)
    return _KNOWN_PARTS[kind]


def claims(nodes: Iterable[ast.AST], module: Module) -> Iterator[Claim]:
    """The assertions among `nodes`, those of unittest as the comparison they make."""
    for node in nodes:
        if isinstance(node, ast.Assert):
            yield Claim(node, node.lineno, node.test)
        elif isinstance(node, ast.Call):
            name = module.called(node).rpartition(".")[2]
            if _FAILING.match(name.lower()):
                yield Claim(node, node.lineno, _claimed(name, node.args))


def _claimed(name: str, args: list[ast.expr]) -> ast.expr | None:
    if name in _COMPARED and len(args) > 1:
        return ast.copy_location(ast.Compare(args[0], [_COMPARED[name][0]()], [args[1]]), args[0])
    if name == "assertTrue" and args:
        return args[0]
    if name == "assertFalse" and args:
        return ast.copy_location(ast.UnaryOp(ast.Not(), args[0]), args[0])
    return None


def _raises(node: ast.AST, module: Module) -> bool:
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom):
        return True
    if not isinstance(node, ast.Call):
        return False
    strict = any(k.arg == "check" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords)
    name = module.called(node).rpartition(".")[2].lower()
    return strict or name in _RAISING or name.startswith("read")


def _live(body: Sequence[ast.AST], scope: Scope | None, found: list[ast.AST]) -> None:
    for node in body:
        kind = type(node)
        if kind in _FUNCTIONS and scope is not None and getattr(node, "name", "") not in scope.used:
            continue
        found.append(node)
        within = None if kind is ast.ClassDef else scope  # who calls a method cannot be told
        for name in _parts(kind):
            value = getattr(node, name, None)
            if value.__class__ is list:
                if kind not in _BLOCKS or not _dead(node, name):
                    _live([item for item in value if isinstance(item, ast.AST)], within, found)
            elif isinstance(value, ast.AST):
                _live((value,), within, found)
        if kind in _LEAVES:
            return


def _dead(node: ast.AST, part: str) -> bool:
    """Whether this block of a statement never runs."""
    if isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Constant):
        return part == ("orelse" if node.test.value else "body")
    if isinstance(node, ast.For) and part == "body" and isinstance(node.iter, ast.List | ast.Tuple):
        return not node.iter.elts
    return False


def _bind(nodes: Iterable[ast.AST], found: dict[str, list[ast.expr]]) -> None:
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _bind_target(target, node.value, found)
        elif isinstance(node, _ASSIGNMENTS) and node.value is not None:
            _bind_target(node.target, node.value, found)
        elif isinstance(node, _LOOPS):
            _bind_target(node.target, ast.copy_location(ast.Starred(node.iter), node.iter), found)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _bind_target(node.optional_vars, node.context_expr, found)


def _bind_target(target: ast.expr, value: ast.expr, found: dict[str, list[ast.expr]]) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts) else None
        for number, item in enumerate(target.elts):
            part = ast.copy_location(ast.Subscript(value, ast.Constant(number)), value)
            _bind_target(item, parts[number] if parts else part, found)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for item in node.names:
                first = item.name.partition(".")[0]
                yield (item.asname, item.name) if item.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            yield from ((a.asname or a.name, f"{node.module or ''}.{a.name}".lstrip(".")) for a in node.names)


def _defined(tree: ast.AST, holder: str = "") -> Iterator[tuple[Function, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _FUNCTIONS):
            yield node, f"{holder}{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from _defined(node, f"{holder}{node.name}::")
        elif isinstance(node, ast.If | ast.Try):
            yield from _defined(node, holder)
