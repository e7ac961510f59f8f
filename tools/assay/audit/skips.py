"""Rules on tests in Python that do not run, or not for those who need them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from assay.audit import task_rule
from assay.audit.folder import TaskFolder
from assay.audit.python import Claim, Module, Scope, suite, walk
from assay.audit.smells import BROAD, PRESENT, catches, is_idle, others_claim
from assay.diagnostics import Diagnostic, Severity

_ABSENT = {"FileNotFoundError", "OSError", "IOError", *BROAD}
_LOOKING = {"open", "read_text", "read_bytes", "load", "loads", "read_csv", "run", "check_output", "check_call"}


@task_rule("test-absence-passes")
def test_absence_passes(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A test fails when what it looks for is not there.

    A test that returns or skips when the output is missing, or asserts only if it exists, passes for an agent that
    did nothing: a skipped test counts as passed.

    Bad:
        if not OUT.exists():
            pytest.skip("no output")

    Good:
        assert OUT.exists(), "no output"
    """
    for test in suite(folder).tests:
        for node in test.function.body:
            excuse = _excuse(node, test)
            if excuse is not None:
                message = f"`{test.name}` must fail when the output is missing; here it ends without failing"
                yield folder.at(
                    test.module.path, excuse.lineno, "test-absence-passes", message, hint="assert that it exists"
                )


def _excuse(node: ast.stmt, test: Scope) -> ast.stmt | None:
    """What makes a missing file or module no failure."""
    later = [claim for claim in test.claims if claim.line > (node.end_lineno or 0)]
    if isinstance(node, ast.If):
        negative = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        asked = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
        if not (test.module.called(asked).rpartition(".")[2] in PRESENT and isinstance(asked, ast.Call)):
            return None
        if negative:
            return (
                node if _gives_up(node.body[-1], test.module) and not node.orelse and any(map(_real, later)) else None
            )
        inside = {id(part) for item in node.body for part in walk(item)}
        guarded = bool(test.claims) and all(id(claim.node) in inside for claim in test.claims)
        return node if guarded and not node.orelse and not others_claim(test) else None
    looks = isinstance(node, ast.Try) and any(test.module.called(n).rpartition(".")[2] in _LOOKING for n in walk(node))
    if isinstance(node, ast.Try) and looks and any(map(_real, later)):
        for handler in node.handlers:
            quiet = is_idle(handler.body[:-1], test.module) and _gives_up(handler.body[-1], test.module)
            if quiet and catches(handler, _ABSENT, test.module):
                return handler.body[-1]
    return None


def _gives_up(node: ast.stmt, module: Module) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    called = module.called(node.value) if isinstance(node, ast.Expr) else ""
    return called in ("pytest.skip", "self.skipTest", "pytest.xfail")


def _real(claim: Claim) -> bool:
    """Whether a claim can hold: `assert False` and `pytest.fail()` mark a place that must not be reached."""
    return claim.test is not None and not isinstance(claim.test, ast.Constant)


@task_rule("test-skipped", Severity.WARNING)
def test_skipped(folder: TaskFolder) -> Iterator[Diagnostic]:
    """No test that counts is skipped or expected to fail.

    Runners report skipped and expectedly failing tests as success, so what such a test claims is never demanded.

    Bad:
        @pytest.mark.skip(reason="flaky")
        def test_order(): ...

    Good:
        @pytest.mark.skipif(sys.platform == "win32", reason="no signals")
        def test_order(): ...
    """
    for module in suite(folder).modules:
        marks = [(node, item) for node in module.nodes for item in getattr(node, "decorator_list", ())]
        marks += [(item, part) for item in module.values.get("pytestmark", ()) for part in walk(item)]
        for _, mark in marks:
            if isinstance(mark, ast.expr) and _leaves_out(mark, module):
                message = f"a test that counts must run and pass, found `{_short(mark)}`"
                yield folder.at(module.path, mark.lineno, "test-skipped", message, hint="repair the test, or remove it")
    for test in suite(folder).tests:
        for node in test.function.body:
            if isinstance(node, ast.Expr | ast.Raise) and _skips(node, test.module):
                message = f"`{test.name}` must run to its end, found a skip"
                yield folder.at(test.module.path, node.lineno, "test-skipped", message)


def _leaves_out(mark: ast.expr, module: Module) -> bool:
    name = module.called(mark) or module.dotted(mark)
    call = mark if isinstance(mark, ast.Call) else None
    if name in ("pytest.mark.skip", "unittest.skip", "unittest.expectedFailure"):
        return True
    if name == "pytest.mark.xfail":
        return not any(k.arg == "strict" and ast.unparse(k.value) == "True" for k in call.keywords) if call else True
    if name not in ("pytest.mark.skipif", "unittest.skipIf", "unittest.skipUnless") or not call or not call.args:
        return False
    condition = call.args[0]
    asks = any(module.called(part).rpartition(".")[2] in PRESENT for part in walk(condition))
    return asks or (isinstance(condition, ast.Constant) and bool(condition.value) != name.endswith("Unless"))


def _skips(node: ast.Expr | ast.Raise, module: Module) -> bool:
    if isinstance(node, ast.Raise):
        return node.exc is not None and "SkipTest" in ast.unparse(node.exc)
    return module.called(node.value) in ("pytest.skip", "pytest.xfail", "self.skipTest")


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}..."


@task_rule("test-empty-parameters")
def test_empty_parameters(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A parametrized test has at least one set of parameters.

    With an empty list pytest skips the test, and a skipped test counts as passed.

    Bad:
        @pytest.mark.parametrize("name", [])

    Good:
        @pytest.mark.parametrize("name", ["first", "second"])
    """
    for test in suite(folder).tests:
        for mark in test.function.decorator_list:
            if not isinstance(mark, ast.Call) or test.module.called(mark) != "pytest.mark.parametrize":
                continue
            values = (
                mark.args[1]
                if len(mark.args) > 1
                else next((k.value for k in mark.keywords if k.arg == "argvalues"), None)
            )
            values = (test.value(values) or values) if values is not None else None
            if isinstance(values, ast.List | ast.Tuple) and not values.elts and not _grows(mark, test.module):
                message = f"`{test.name}` must have parameters, found none: it never runs"
                yield folder.at(test.module.path, mark.lineno, "test-empty-parameters", message)


def _grows(mark: ast.Call, module: Module) -> bool:
    """Whether the list is filled after it was made."""
    named = {node.id for arg in mark.args[1:] for node in walk(arg) if isinstance(node, ast.Name)}
    changed = (
        node.func.value for node in module.nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    )
    return any(isinstance(node, ast.Name) and node.id in named for node in changed)
