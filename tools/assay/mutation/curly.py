"""Operators on source text of languages with C's braces and semicolons, by lines: there is no parser to ask.

Only what such a language surely means is touched: whole statements on one line, and operators with spaces around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.mutation.edits import Edit, line_starts, lines_of

SUFFIXES = (".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".go", ".java", ".js", ".kt", ".php", ".rs", ".ts")
_UNREAD = re.compile(rb"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.DOTALL)
_PLACE = rb"[*(]*[\w.>\[\]:-]+\)?"
_STATEMENT = re.compile(
    rb"\s+((?!return\b)" + _PLACE + rb"(?:\(.*\)| (?:[-+*/%&|^]|<<|>>)?= .*|\+\+|--)|(?:\+\+|--)" + _PLACE + rb");\s*"
)
_CONDITION = re.compile(rb"\s*(?:\} )?(?:else )?if \((.*)\)(?: \{)?\s*")
_PROSE = re.compile(rb"\w*(?:print|log|LOG|perror|puts|console|assert|destroy|close|free)")
_SWAPS = {
    b"<": ("compare-swap", b"<="),
    b"<=": ("compare-swap", b"<"),
    b">": ("compare-swap", b">="),
    b">=": ("compare-swap", b">"),
    b"==": ("compare-swap", b"!="),
    b"!=": ("compare-swap", b"=="),
    b"&&": ("boolean-swap", b"||"),
    b"||": ("boolean-swap", b"&&"),
    b"+": ("arithmetic-swap", b"-"),
    b"-": ("arithmetic-swap", b"+"),
}


def curly_edits(content: bytes) -> Iterator[Edit]:
    """Statements dropped, conditions negated, operators swapped."""
    # Comments and strings become spaces: same offsets, nothing to find.
    bare = _UNREAD.sub(lambda found: re.sub(rb"[^\n]", b" ", found[0]), content)
    for at, line in zip(line_starts(bare), lines_of(bare), strict=False):
        statement, condition = _STATEMENT.fullmatch(line), _CONDITION.fullmatch(line)
        if line.lstrip().startswith(b"#") or (statement and _PROSE.match(statement[1])):
            continue
        if statement:
            yield Edit("drop-statement", at + statement.start(1), at + statement.end(1), b"")
        if condition and _balanced(condition[1]) and (b"&&" in line or b"||" in line or not re.search(b"[=!]=", line)):
            start, end = (at + place for place in condition.span(1))
            plain = re.fullmatch(rb"!([\w.>-]+)", content[start:end])
            yield Edit("negate-condition", start, end, plain[1] if plain else b"!(" + content[start:end] + b")")
        for found in re.finditer(rb"(?<= )(?:[<>=!]=|&&|\|\||[<>+-])(?= )", line):
            operator, replacement = _SWAPS[found[0]]
            yield Edit(operator, at + found.start(), at + found.end(), replacement)


def _balanced(text: bytes) -> bool:
    depth = 0
    for byte in text:
        depth += (byte == ord("(")) - (byte == ord(")"))
        if depth < 0:
            return False
    return depth == 0
