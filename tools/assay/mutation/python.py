"""Operators on Python files: each replaces the source of one node of the syntax tree.

Left alone is what no test should notice: docstrings, annotations, assertions, text for people (logs, help, exceptions),
time limits, what runs only as a script. The rest of the file stays byte for byte: nothing is unparsed.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from assay.mutation.edits import TIME, Edit, line_starts

_SWAPS: dict[type[ast.AST], tuple[str, str, bytes]] = {
    ast.Add: ("arithmetic-swap", r"\+", b"-"),
    ast.Sub: ("arithmetic-swap", "-", b"+"),
    ast.Mult: ("arithmetic-swap", r"\*", b"//"),
    ast.Div: ("arithmetic-swap", "/", b"*"),
    ast.FloorDiv: ("arithmetic-swap", "//", b"%"),
    ast.Mod: ("arithmetic-swap", "%", b"//"),
    ast.Lt: ("compare-swap", "<", b"<="),
    ast.LtE: ("compare-swap", "<=", b"<"),
    ast.Gt: ("compare-swap", ">", b">="),
    ast.GtE: ("compare-swap", ">=", b">"),
    ast.Eq: ("compare-swap", "==", b"!="),
    ast.NotEq: ("compare-swap", "!=", b"=="),
    ast.In: ("compare-swap", r"\bin\b", b"not in"),
    ast.NotIn: ("compare-swap", r"\bnot\s+in\b", b"in"),
    ast.Is: ("compare-swap", r"\bis\b", b"is not"),
    ast.IsNot: ("compare-swap", r"\bis\s+not\b", b"is"),
    ast.And: ("boolean-swap", r"\band\b", b"or"),
    ast.Or: ("boolean-swap", r"\bor\b", b"and"),
}
_SILENT = re.compile("print|sleep|warn|debug|info|warning|error|exception|critical|close|flush")
_PROSE = re.compile("help|description|metavar|prog|epilog|usage|title|encoding|errors|newline|flush")
_UNSEEN = re.compile("__.*|_?log(ger)?", re.IGNORECASE)
_SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "exc", "cause", "bases", "type_params"}
_STRUCTURAL = re.compile(
    "property|setter|deleter|staticmethod|classmethod|contextmanager|dataclass|overload|override|final|wraps"
    "|abstractmethod|cache|lru_cache|cached_property|fixture"
)
_PLAIN_CALLS = re.compile("sorted|reversed|set|frozenset|list|tuple|dict|abs|round|int|str|float")
_PLAIN_METHODS = re.compile(
    "[lr]?strip|lower|upper|casefold|title|copy|resolve|replace|removeprefix|removesuffix|astimezone|normalize|quantize"
)
_ORDERLESS = re.compile("isinstance|issubclass|hasattr|getattr|setattr|min|max|zip|gcd|super")


def parsed(content: bytes) -> ast.Module | None:
    """The syntax tree; None when the file does not compile."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
            compile(tree, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return tree


def python_edits(content: bytes) -> Iterator[Edit]:
    """Every place where an operator applies; some results do not compile, or are the same program."""
    tree = parsed(content)
    if tree is not None and not content.startswith(b"\xef\xbb\xbf"):
        yield from _Finder(content).block(tree.body)


def _name(node: ast.AST) -> str:
    """The last part of a dotted name, also of a call's."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


class _Finder:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.starts = line_starts(content)

    def span(self, first: Any, last: Any = None) -> tuple[int, int]:
        """Byte offsets from the start of the node `first` to the end of `last`."""
        end = last or first
        return self.starts[first.lineno - 1] + first.col_offset, self.starts[end.end_lineno - 1] + end.end_col_offset

    def text(self, node: ast.AST) -> bytes:
        return self.content[slice(*self.span(node))]

    def operand(self, node: ast.AST) -> bytes:
        """The source of a node, so that an operator can stand before or behind it."""
        simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant)
        return self.text(node) if simple else b"(" + self.text(node) + b")"

    def put(self, operator: str, node: ast.AST, replacement: bytes, last: ast.AST | None = None) -> Edit:
        return Edit(operator, *self.span(node, last), replacement)

    def between(self, operation: ast.AST, left: ast.AST, right: ast.AST, assigned: str = "") -> Iterator[Edit]:
        """The swap of the operator that stands between two operands."""
        if type(operation) in _SWAPS:
            name, pattern, replacement = _SWAPS[type(operation)]
            start, end = self.span(left)[1], self.span(right)[0]
            found = re.compile((pattern + assigned).encode()).search(self.content, start, end)
            if found:
                yield Edit(name, *found.span(), replacement + assigned.encode())

    def exchange(self, operator: str, left: ast.AST, right: ast.AST) -> Edit:
        middle = self.content[self.span(left)[1] : self.span(right)[0]]
        return self.put(operator, left, self.text(right) + middle + self.text(left), right)

    def block(self, body: list[ast.stmt], owner: ast.AST | None = None, loop: ast.AST | None = None) -> Iterator[Edit]:
        for node in body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            guard = isinstance(node, ast.If) and any(
                _name(part) in ("__name__", "TYPE_CHECKING") for part in ast.walk(node.test)
            )
            if guard or isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
                continue
            yield from self.statement(node, owner, loop, alone=len(body) == 1)
            inner = None if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else loop
            inner = node if isinstance(node, ast.For | ast.While) else inner
            for part in (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                for field in ("body", "orelse", "finalbody"):
                    yield from self.block(getattr(part, field, []), node, inner)

    def statement(self, node: ast.stmt, owner: ast.AST | None, loop: ast.AST | None, *, alone: bool) -> Iterator[Edit]:
        if isinstance(node, ast.Expr) and _SILENT.fullmatch(_name(node.value)):
            return
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(target is not None and _UNSEEN.fullmatch(_name(target)) for target in targets):
            return
        if self.droppable(node, owner, alone):
            yield self.put("drop-statement", node, b"pass")
        if isinstance(node, ast.If | ast.While):
            if not isinstance(node.test, ast.Constant):
                yield self.put("drop-branch" if isinstance(node, ast.If) else "drop-loop", node.test, b"False")
        elif isinstance(node, ast.For):
            yield self.put("drop-loop", node.iter, b"()")
        elif isinstance(node, ast.With) and not any(item.optional_vars for item in node.items):
            start = self.span(node)[0]
            yield Edit("drop-with", start, self.span(node.items[-1].context_expr)[1], b"if True")
        elif isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
            yield self.put("drop-return", node.value, b"None")
        elif isinstance(node, ast.AugAssign) and not _is_joining(node):
            yield from self.between(node.op, node.target, node.value, "=")
        elif isinstance(node, ast.Continue) or (isinstance(node, ast.Break) and isinstance(loop, ast.For)):
            yield self.put("loop-swap", node, b"break" if isinstance(node, ast.Continue) else b"continue")
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                yield self.put("drop-handler", handler.body[0], b"raise", handler.body[-1])
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from self.decorators(node.decorator_list)
        if not any(target is not None and TIME.search(_name(target)) for target in targets):
            yield from self.below(node)

    def droppable(self, node: ast.stmt, owner: ast.AST | None, alone: bool) -> bool:
        """Whether a program without the statement still makes sense, and differs from one without its branch."""
        if alone and isinstance(owner, ast.If) and not owner.orelse:
            return False
        if isinstance(node, ast.Assign):
            made = getattr(owner, "name", "") == "__init__"
            return not made and all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
        called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        return called or isinstance(node, ast.AugAssign | ast.Delete | ast.Raise)

    def decorators(self, decorators: list[ast.expr]) -> Iterator[Edit]:
        for node in decorators:
            if not _STRUCTURAL.fullmatch(_name(node)):
                start, end = self.starts[node.lineno - 1], self.starts[node.end_lineno or node.lineno]
                yield Edit("drop-decorator", start, end, b"")

    def below(self, node: ast.AST) -> Iterator[Edit]:
        """Edits of the expressions that belong to a node, but to no statement inside it."""
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.stmt | ast.excepthandler | ast.JoinedStr) or field in _SKIPPED_FIELDS:
                    continue
                if isinstance(child, ast.keyword) and (
                    _PROSE.fullmatch(child.arg or "") or TIME.search(child.arg or "")
                ):
                    continue
                if isinstance(child, ast.Call) and _SILENT.fullmatch(_name(child)):
                    continue
                if isinstance(child, ast.AST):
                    yield from self.expression(child, used=not isinstance(node, ast.Expr))
                    yield from self.below(child)
        tests = [node.test] if isinstance(node, ast.If | ast.IfExp) else getattr(node, "ifs", [])
        yield from (self.negated(test) for test in tests if not _is_swapped(test))

    def expression(self, node: ast.AST, *, used: bool) -> Iterator[Edit]:
        if isinstance(node, ast.BinOp) and not _is_joining(node):
            yield from self.between(node.op, node.left, node.right)
            if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod):
                yield self.exchange("swap-operands", node.left, node.right)
        elif isinstance(node, ast.BoolOp):
            for left, right in pairwise(node.values):
                yield from self.between(node.op, left, right)
        elif isinstance(node, ast.Compare):
            for operation, (left, right) in zip(node.ops, pairwise([node.left, *node.comparators]), strict=True):
                yield from self.between(operation, left, right)
        elif isinstance(node, ast.Call):
            yield from (edit for edit in self.call(node) if used or edit.operator != "call-to-operand")
        elif isinstance(node, ast.Constant):
            yield from self.constant(node)

    def negated(self, test: ast.expr) -> Edit:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.put("negate-condition", test, self.operand(test.operand))
        return self.put("negate-condition", test, b"not " + self.operand(test))

    def call(self, node: ast.Call) -> Iterator[Edit]:
        name, arguments = _name(node), node.args
        if any(isinstance(argument, ast.Starred) for argument in arguments):
            return
        if name == "range" and arguments:
            stop = arguments[min(1, len(arguments) - 1)]
            if not isinstance(stop, ast.Constant):
                yield self.put("range-off-by-one", stop, self.operand(stop) + b" - 1")
        elif isinstance(node.func, ast.Attribute) and _PLAIN_METHODS.fullmatch(name):
            yield self.put("call-to-operand", node, self.text(node.func.value))
        elif isinstance(node.func, ast.Name) and len(arguments) == 1:
            own = not node.keywords and name not in vars(builtins) and name[:1].islower()
            if own or _PLAIN_CALLS.fullmatch(name):
                yield self.put("call-to-operand", node, self.text(arguments[0]))
        if (
            len(arguments) > 1
            and not _ORDERLESS.fullmatch(name)
            and type(arguments[0]) is type(arguments[1]) is ast.Name
        ):
            yield self.exchange("swap-arguments", arguments[0], arguments[1])

    def constant(self, node: ast.Constant) -> Iterator[Edit]:
        value = node.value
        if isinstance(value, bool):
            yield self.put("flip-constant", node, str(not value).encode())
        elif isinstance(value, int | float):
            yield self.put("number-change", node, str(value + 1).encode())
        elif isinstance(value, str | bytes) and value:
            yield self.put("empty-string", node, b'""' if isinstance(value, str) else b'b""')


def _is_joining(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether texts or lists are added or formatted: another operator would only be a type error."""
    texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    sequences = any(isinstance(part, ast.JoinedStr | ast.List | ast.Tuple | ast.ListComp) for part in ast.walk(node))
    return sequences or any(isinstance(value, str | bytes) for value in texts)


def _is_swapped(test: ast.expr) -> bool:
    """Whether swapping the comparison already negates the condition."""
    ordered = ast.Lt | ast.LtE | ast.Gt | ast.GtE
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and not isinstance(test.ops[0], ordered)
