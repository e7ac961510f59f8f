"""Operators on shell scripts, by tree-sitter's grammar. What here-documents write is mutated in the result instead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from assay.mutation.edits import Edit

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_IDLE = re.compile(
    r"(set|cd|echo|printf|exit|true|:|ls|cat|pwd|sleep|export|source|\.|test|\[|pytest|diff|cmp|trap|wait)(\s.*)?"
    r"|(make|npm|cargo|go|ctest|python3? -m pytest)\b.*\b(check|test|pytest|vet)\b.*",
    re.DOTALL,
)
_PLUMBING = re.compile(
    r"set|cd|cp|mv|rm|mkdir|ln|ch(mod|own)|apt(-get)?|pip3?|(ba)?sh|echo|printf|exit|test|\[|tar|unzip|git|make|exec"
    r"|install|curl|wget"
)
_FLAG = re.compile(r"-(?!([cefmoqsy]|TERM)$)[A-Za-z][\w-]*|--(?!quiet|verbose|silent|yes)[a-z][\w-]*(=.*)?")
_ASCII = bytes(byte if byte < 128 else ord("x") for byte in range(256))
"""The grammar's scanner can crash on other characters; offsets stay the same."""


@lru_cache(maxsize=1)
def _parser() -> Parser:
    from tree_sitter import Language, Parser
    from tree_sitter_bash import language

    return Parser(Language(language()))


def shell_edits(content: bytes) -> Iterator[Edit]:
    """Every place where an operator applies; none in a script that does not parse."""
    root = _parser().parse(content.translate(_ASCII)).root_node
    if root.has_error:
        return
    nodes = list(_walk(root))
    commands = [child for child in root.named_children if not _idle(child)]
    if len(commands) > 1:  # without its only command a solution is no solution: that is what the ladder tests
        yield Edit("drop-command", *_span(commands[-1]), b":")
    targets = [node for node in nodes if _target(node)]
    for left, right in pairwise(targets):
        first, second = left.named_children[-1], right.named_children[-1]
        middle = content[first.end_byte : second.start_byte]
        replacement = content[slice(*_span(second))] + middle + content[slice(*_span(first))]
        yield Edit("swap-outputs", first.start_byte, second.end_byte, replacement)
    for node in nodes:
        yield from _edits(node)


def _edits(node: Node) -> Iterator[Edit]:
    if node.type == "pipeline":
        for before, stage in pairwise(node.named_children):
            body = stage.named_children[0] if stage.type == "redirected_statement" else stage
            yield Edit("drop-stage", before.end_byte, body.end_byte, b"")
    elif node.type == "redirected_statement":
        files = [_target(child) for child in node.named_children if _target(child)]
        here = any(child.type == "heredoc_redirect" for child in node.named_children)
        if files and not (here and any(name.endswith(".py") for name in files)):
            yield Edit("empty-output", *_span(node.named_children[0]), b":")
    elif _target(node):
        mark = next(child for child in node.children if child.type in (">", ">>"))
        yield Edit("append-swap", *_span(mark), b">" if mark.type == ">>" else b">>")
    elif node.type == "command" and node.named_children and not _PLUMBING.fullmatch(_text(node.named_children[0])):
        for before, word in pairwise(node.named_children):
            if word.type == "word" and _FLAG.fullmatch(_text(word)):
                yield Edit("drop-flag", before.end_byte, word.end_byte, b"")


def _walk(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed([child for child in node.children if child.type not in ("heredoc_body", "comment")])


def _target(node: Node) -> str:
    """The file that a redirection writes; empty for anything else."""
    if node.type != "file_redirect" or not any(child.type in (">", ">>") for child in node.children):
        return ""
    name = _text(node.named_children[-1])
    return "" if name.startswith("/dev/") else name


def _idle(node: Node) -> bool:
    """Whether the statement prepares, reports or checks, and produces nothing."""
    if node.type in ("comment", "variable_assignment", "function_definition", "declaration_command", "test_command"):
        return True
    return node.type == "command" and _IDLE.fullmatch(_text(node)) is not None


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _span(node: Node) -> tuple[int, int]:
    return node.start_byte, node.end_byte
