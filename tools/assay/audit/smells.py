"""Rules on tests in Python that pass for nothing: no claim, an empty claim, or a claim that nobody hears fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from assay.audit import task_rule
from assay.audit.folder import Goal, TaskFolder
from assay.audit.python import Function, Module, Scope, suite, walk
from assay.diagnostics import Diagnostic, Severity

PRESENT = {"exists", "isfile", "isdir", "is_file", "is_dir", "lexists", "access", "getsize", "stat"}
_UNCALLED = {"exists", "is_file", "is_dir", "strip", "startswith", "endswith", "isdigit", "lower", "upper"}
BROAD = {"Exception", "BaseException", "AssertionError"}
_TALK = re.compile(r"print$|.*\b(log|logger|logging)\b.*|warnings\.warn$|traceback\.print_exc$")
_CODE = re.compile(r"\.(py|c|h|cc|cpp|js|mjs|ts|tsx|go|rs|java|rb|sh|pl|php|sql)\b")
_SHELL_CHECK = re.compile(
    r"(^|[\s;|&(])((diff|cmp|grep|jq|sha256sum|make|node|go|cargo)\s|\[\[? *\"?\$\()", re.MULTILINE
)


@task_rule("test-vacuous")
def test_vacuous(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every test claims something that can be false.

    A test without a body, a claim about constants, a tuple (`assert (x, "message")`), a method that is not called or an
    assertion that is never reached passes whatever the agent did.

    Bad:
        def test_total():
            assert (total() == 3, "wrong total")

    Good:
        def test_total():
            assert total() == 3, "wrong total"
    """
    for test in suite(folder).tests:
        path, sure = test.module.path, [claim for claim in test.claims if _always(claim.test, test.module)]
        for claim in sure:
            if (len(sure) == len(test.claims) and not others_claim(test)) or not _harmless(claim.test):
                message = f"the claim of `{test.name}` is true whatever the agent did"
                yield folder.at(path, claim.line, "test-vacuous", message, hint="claim what the instruction asks for")
                break
        if all(_says_nothing(node) for node in test.function.body):
            message = f"`{test.name}` must claim something, found an empty body"
            yield folder.at(path, test.function.lineno, "test-vacuous", message)
        elif not test.can_fail and any(isinstance(node, ast.Assert) for node in walk(test.function)):
            line = min(node.lineno for node in walk(test.function) if isinstance(node, ast.Assert))
            message = f"no assertion of `{test.name}` is ever reached"
            yield folder.at(
                path, line, "test-vacuous", message, hint="call what holds it, or move it before the return"
            )
    for module in suite(folder).modules:
        for body in (module.tree.body, *(node.body for node in module.tree.body if isinstance(node, ast.ClassDef))):
            yield from _shadowed(folder, module, body)


def _shadowed(folder: TaskFolder, module: Module, body: Sequence[ast.stmt]) -> Iterator[Diagnostic]:
    seen: dict[str, Function] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            if node.name in seen:
                message = f"`{node.name}` never runs: line {node.lineno} defines the name again"
                yield folder.at(module.path, seen[node.name].lineno, "test-vacuous", message, hint="rename one of them")
            seen[node.name] = node


def others_claim(test: Scope) -> bool:
    """Whether something that a test calls or takes as a fixture claims anything."""
    return any(other.claims for other in test.reached if other is not test)


def _says_nothing(node: ast.stmt) -> bool:
    text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
    return isinstance(node, ast.Pass) or (text is not None and ">>>" not in str(text))


def _always(test: ast.expr | None, module: Module) -> bool:
    """Whether an expression is true by its form alone."""
    if isinstance(test, ast.Tuple | ast.List | ast.Set):
        return bool(test.elts)
    if isinstance(test, ast.GeneratorExp | ast.Lambda | ast.JoinedStr):
        return True
    if isinstance(test, ast.Attribute):
        return test.attr in _UNCALLED
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(isinstance(part, ast.Constant) and bool(part.value) for part in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and module.called(test.left) == "len":
        limit, op = test.comparators[0], test.ops[0]
        bound = ast.unparse(limit)
        return (bound == "0" and isinstance(op, ast.GtE)) or (bound == "-1" and isinstance(op, ast.Gt))
    if test is None or isinstance(test, ast.Constant):
        return test is not None and bool(test.value)
    return not isinstance(test, ast.UnaryOp) and not any(
        isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Await) for node in walk(test)
    )


def _harmless(test: ast.expr | None) -> bool:
    """Whether an empty claim may stand beside others: it is a constant on purpose."""
    return isinstance(test, ast.Constant | ast.Compare)


@task_rule("test-without-claim", Severity.WARNING)
def test_without_claim(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Every test asserts, itself or through what it calls.

    Without an assertion, a raised error or a checked exit status a test only shows that nothing crashed.

    Bad:
        def test_report():
            subprocess.run(["python3", "/app/report.py"])

    Good:
        def test_report():
            subprocess.run(["python3", "/app/report.py"], check=True)
    """
    for test in suite(folder).tests:
        says = not all(_says_nothing(node) for node in test.function.body)
        if says and not test.can_fail and not any(isinstance(node, ast.Assert) for node in walk(test.function)):
            message = f"`{test.name}` must assert something, found no assertion in it or in what it calls"
            yield folder.at(test.module.path, test.function.lineno, "test-without-claim", message)


@task_rule("test-swallowed")
def test_swallowed(folder: TaskFolder) -> Iterator[Diagnostic]:
    """No failure of an assertion is caught and dropped.

    `except Exception: pass` and `contextlib.suppress(Exception)` around an assertion turn every failure into a pass.

    Bad:
        try:
            assert total() == 3
        except Exception:
            pass

    Good:
        assert total() == 3
    """
    for scope in suite(folder).scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Try) and _drops(node, scope.module):
                line = next(handler.lineno for handler in node.handlers if catches(handler, BROAD, scope.module))
            elif isinstance(node, ast.With) and _suppresses(node, scope.module):
                line = node.lineno
            else:
                continue
            message = f"`{scope.name}` must let its assertions fail, found them caught and dropped"
            yield folder.at(scope.module.path, line, "test-swallowed", message, hint="take the assertion out of it")


def _drops(node: ast.Try, module: Module) -> bool:
    inside = [part for item in node.body for part in walk(item)]
    last = node.body[-1]
    if node.orelse or not any(isinstance(part, ast.Assert) for part in inside):
        return False
    if isinstance(last, ast.Assign | ast.AugAssign) or any(isinstance(p, ast.Return | ast.Break) for p in inside):
        return False  # who succeeds is remembered, and asked later
    return any(catches(item, BROAD, module) and is_idle(item.body, module) for item in node.handlers)


def _suppresses(node: ast.With, module: Module) -> bool:
    calls = [item.context_expr for item in node.items if module.called(item.context_expr).endswith("suppress")]
    broad = any(module.dotted(arg) in BROAD for call in calls if isinstance(call, ast.Call) for arg in call.args)
    return broad and any(isinstance(part, ast.Assert) for item in node.body for part in walk(item))


def catches(handler: ast.ExceptHandler, names: set[str], module: Module) -> bool:
    """Whether a handler is for one of the named exceptions, or for all."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or module.dotted(kind) in names for kind in kinds)


def is_idle(body: Sequence[ast.stmt], module: Module) -> bool:
    """Whether nothing that a block does can be noticed later."""
    for node in body:
        talk = isinstance(node, ast.Expr) and bool(_TALK.match(module.called(node.value)))
        leave = isinstance(node, ast.Return) and (node.value is None or isinstance(node.value, ast.Constant))
        if not (_says_nothing(node) or talk or leave or isinstance(node, ast.Continue)):
            return False
    return True


@task_rule("test-literal-only", Severity.WARNING)
def test_literal_only(folder: TaskFolder) -> Iterator[Diagnostic]:
    """Some test of a milestone looks at what the agent's work does or contains.

    Where all tests ask only whether files exist, or search source code for words, an empty file or a comment passes.

    Bad:
        def test_output():
            assert Path("/app/out.json").exists()

    Good:
        def test_output():
            assert json.loads(Path("/app/out.json").read_text())["total"] == 3
    """
    for goal in folder.goals:
        tests = [test for test in suite(folder).tests if test.module.path in goal.tests]
        if tests and not _checks_elsewhere(folder, goal) and all(_looks_only(test) for test in tests):
            message = f"the tests of `{goal.name}` ask only whether files exist or hold certain words of code"
            hint = "run the work, or compare its output"
            yield folder.at(tests[0].module.path, tests[0].function.lineno, "test-literal-only", message, hint=hint)


def _checks_elsewhere(folder: TaskFolder, goal: Goal) -> bool:
    script = (folder.text(goal.script) or "") if goal.script else ""
    others = (".sh", ".js", ".ts", ".c", ".cc", ".cpp", ".go", ".rs", ".java", ".rb", ".bats", ".bash")
    return bool(_SHELL_CHECK.search(script)) or any(
        file.endswith(others) and file != goal.script for file in goal.tests
    )


def _looks_only(test: Scope) -> bool:
    found = [(scope, claim) for scope in test.reached for claim in scope.claims]
    runs = any(
        re.search(
            r"\b(subprocess|import_module|exec|runpy|os\.system|requests|urllib|load|loads)\b",
            scope.module.called(call),
        )
        for scope in test.reached
        for call in scope.calls
    )
    return bool(found) and not runs and all(_is_look(scope, claim.test) for scope, claim in found)


def _is_look(scope: Scope, test: ast.expr | None) -> bool:
    """Whether a claim is about a file being there, not empty, or holding words of code."""
    if isinstance(test, ast.BoolOp):
        return all(_is_look(scope, part) for part in test.values)
    if isinstance(test, ast.Call):
        name = scope.module.called(test)
        searched = name in ("re.search", "re.findall", "re.match") and len(test.args) > 1
        return name.rpartition(".")[2] in PRESENT or (searched and _is_code(scope, test.args[1]))
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, right = test.left, test.comparators[0]
    if isinstance(test.ops[0], ast.In):
        return isinstance(left, ast.Constant) and _is_code(scope, right)
    sized = any(scope.module.called(n).endswith("getsize") or getattr(n, "attr", "") == "st_size" for n in walk(left))
    return sized and isinstance(right, ast.Constant) and isinstance(test.ops[0], ast.Gt)


def _is_code(scope: Scope, node: ast.AST, depth: int = 4) -> bool:
    """Whether an expression is the text of a source file."""
    for part in walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _CODE.search(part.value):
            return True
        value = scope.value(part) if isinstance(part, ast.Name) and depth else None
        if value is not None and _is_code(scope, value, depth - 1):
            return True
    return False
