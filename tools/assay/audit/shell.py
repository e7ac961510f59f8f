"""Reading shell scripts: what is run, in which order and under what condition.

Best effort by design: a script that does not parse gives the statements that do, and no text makes `script` fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from assay.audit.statements import Kind, Node, Redirect, sent, walk

if TYPE_CHECKING:
    import tree_sitter

LIMIT = 200_000
"""Characters of a script that are read."""
NESTED = 40
"""Statements inside one another that are read."""
ASCII = bytes(byte if byte < 128 else ord("x") for byte in range(256))
"""Makes every byte a character of ASCII: the scanners of the grammars crash on others. Offsets stay the same."""


@dataclass(frozen=True)
class Script:
    """A parsed script; `whole` holds its statements."""

    whole: Node

    def walk(self) -> Iterator[tuple[Node, tuple[Node, ...]]]:
        """Every statement in source order, with those around it, the outermost first."""
        return walk(self.whole)

    @cached_property
    def commands(self) -> tuple[Node, ...]:
        """Every simple command, those in functions and substitutions too."""
        return tuple(node for node, _ in self.walk() if node.kind == "command")

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The variables that are given exactly one value, and that without running anything."""
        values: dict[str, list[str]] = {"TEST_DIR": ["/tests"]}
        for command in self.commands:
            for name, value in command.assigned:
                values.setdefault(name, []).append(value)
        once = {name: found[0] for name, found in values.items() if len(set(found)) == 1}
        return {name: value for name, value in once.items() if not _RUNS.search(value)}

    def expand(self, word: str) -> str:
        """The word with the known variables filled in; what is not known stays as it was written."""
        for _ in range(4):
            filled = _VARIABLE.sub(lambda found: self._value(found), word)
            if filled == word or len(filled) > 4096:
                break
            word = filled
        return word

    def _value(self, found: re.Match[str]) -> str:
        name, default = found["name"] or found["braced"], found["default"]
        return self.variables.get(name, found[0] if default is None else default)


_RUNS = re.compile(r"\$\(|`")
_VARIABLE = re.compile(r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::?-(?P<default>[^{}]*))?\})")


@lru_cache(maxsize=512)
def script(text: str, line: int = 1) -> Script:
    """Parse a script whose first line is `line` of its file."""
    try:
        return Script(_Builder(text[:LIMIT].encode("utf-8", "replace"), line).whole())
    except RecursionError:
        return Script(Node("block", line))


@lru_cache(maxsize=1)
def _parser() -> tree_sitter.Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


_SIMPLE = {
    *("command", "test_command", "declaration_command", "unset_command", "variable_assignment", "variable_assignments")
}
_AROUND: dict[str, Kind] = {
    "subshell": "subshell",
    "command_substitution": "substitution",
    "process_substitution": "substitution",
    "negated_command": "not",
}


class _Builder:
    """Turns the concrete syntax tree into statements."""

    def __init__(self, source: bytes, line: int) -> None:
        self.source = source
        self.line = line
        self.depth = 0

    def whole(self) -> Node:
        return self.block(_parser().parse(self.source.translate(ASCII)).root_node)

    def text(self, node: tree_sitter.Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def node(self, kind: Kind, node: tree_sitter.Node, parts: Iterable[Node] = (), words: Iterable[str] = ()) -> Node:
        return Node(kind, self.line + node.start_point[0], tuple(words), tuple(parts))

    def block(self, node: tree_sitter.Node, children: Sequence[tree_sitter.Node] | None = None) -> Node:
        """The statements below a node, one after another."""
        found: list[Node] = []
        for child in node.children if children is None else children:
            if child.type == "&" and found:
                last = found.pop()
                found.append(Node("background", last.line, parts=(last,)))
            elif child.is_named and child.type != "comment":
                found += self.statement(child)
        return self.node("block", node, found)

    def statement(self, node: tree_sitter.Node) -> list[Node]:
        """The statements that a node stands for: one, or those that could be read in what is broken."""
        if self.depth > NESTED:
            return []
        self.depth += 1
        found = self.known(node)
        self.depth -= 1
        return found

    def known(self, node: tree_sitter.Node) -> list[Node]:
        kind = node.type
        if kind in _SIMPLE or (kind == "compound_statement" and node.children[0].type == "(("):
            return [self.command(node)]
        if kind == "redirected_statement":
            return self.redirected(node)
        if kind in ("compound_statement", "do_group", "ERROR"):
            return [self.block(node)]
        if kind in _AROUND:
            return [self.node(_AROUND[kind], node, self.block(node).parts)]
        if kind == "list":
            return [self.both(node)]
        if kind == "pipeline":
            return [self.pipeline(node, [])]
        if kind == "if_statement":
            return [self.node("if", node, self.branches(node))]
        if kind == "case_statement":
            subject = node.child_by_field_name("value")
            items = [self.item(child) for child in node.children if child.type == "case_item"]
            return [self.node("case", node, items, [self.word(subject)] if subject else [])]
        if kind in ("while_statement", "for_statement", "c_style_for_statement"):
            return [self.loop(node)]
        if kind == "function_definition":
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            words = [self.text(name)] if name else []
            return [self.node("function", node, self.statement(body) if body else (), words)]
        return []

    def both(self, node: tree_sitter.Node) -> Node:
        operator = next((child.type for child in node.children if child.type in ("&&", "||")), "&&")
        parts = [self.one(child) for child in node.named_children if child.type != "comment"]
        return self.node("and" if operator == "&&" else "or", node, parts)

    def one(self, node: tree_sitter.Node) -> Node:
        found = self.statement(node)
        return found[0] if len(found) == 1 else self.node("block", node, found)

    def pipeline(self, node: tree_sitter.Node, before: list[Node]) -> Node:
        parts = before + [self.one(child) for child in node.named_children if child.type != "comment"]
        flat = [part for item in parts for part in (item.parts if item.kind == "pipeline" else (item,))]
        if flat and flat[0].kind == "not":
            inner = self.node("pipeline", node, (*flat[0].parts, *flat[1:]))
            return self.node("not", node, [inner])
        return self.node("pipeline", node, flat)

    def branches(self, node: tree_sitter.Node) -> Iterator[Node]:
        """Condition and body of an `if`, its `elif`s, and the body of its `else`."""
        halves: list[list[tree_sitter.Node]] = [[]]
        for child in node.children:
            if child.type == "then":
                halves.append([])
            elif child.type not in ("elif_clause", "else_clause", "if", "elif", "fi"):
                halves[-1].append(child)
        yield from (self.block(node, half) for half in (*halves, [])[:2])
        for child in node.children:
            if child.type == "elif_clause":
                yield from self.branches(child)
            elif child.type == "else_clause":
                yield self.block(child)

    def item(self, node: tree_sitter.Node) -> Node:
        patterns = [self.text(child) for child in node.children_by_field_name("value")]
        closed = next((place for place, child in enumerate(node.children) if child.type == ")"), -1)
        return self.node("item", node, [self.block(node, node.children[closed + 1 :])], patterns)

    def loop(self, node: tree_sitter.Node) -> Node:
        body = node.child_by_field_name("body")
        inner = [self.block(body)] if body else []
        head = [child for child in node.named_children if child != body and child.type != "comment"]
        if node.type == "while_statement":
            condition = self.block(node, head)
            negated = any(child.type == "until" for child in node.children)
            return self.node("loop", node, [self.node("not", node, [condition]) if negated else condition, *inner])
        condition = self.node("block", node, self.inside(node, head))
        return self.node("loop", node, [condition, *inner], map(self.word, head))

    def inside(self, node: tree_sitter.Node, words: Sequence[tree_sitter.Node]) -> Iterator[Node]:
        """The substitutions in words."""
        for word in words:
            if word.type in ("command_substitution", "process_substitution"):
                yield from self.statement(word)
            elif word.child_count:
                yield from self.inside(node, word.children)

    def command(self, node: tree_sitter.Node) -> Node:
        words: list[str] = []
        redirects: list[Redirect] = []
        assigned: list[tuple[str, str]] = []
        for child in node.children:
            if child.type.endswith("_redirect"):
                redirects += self.redirect(child)
            elif child.type == "variable_assignment":
                assigned.append(self.assignment(child))
            elif child.type != "comment" and (child.is_named or node.type != "variable_assignment"):
                words += self.words_of(child)
        if node.type == "compound_statement":
            words = ["((", self.text(node)[2:-2]]
        elif node.type == "variable_assignment":
            words, assigned = [], [self.assignment(node)]
        made = self.node("command", node, self.inside(node, node.children), words)
        return replace(made, redirects=tuple(redirects), assigned=tuple(assigned))

    def words_of(self, node: tree_sitter.Node) -> Iterator[str]:
        """The words of one argument, or of one condition between `[` and `]`."""
        if node.type.endswith("_expression") and node.type != "parenthesized_expression":
            for child in node.children:
                yield from self.words_of(child)
        else:
            yield self.word(node)

    def assignment(self, node: tree_sitter.Node) -> tuple[str, str]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        appended = any(child.type == "+=" for child in node.children)
        text = self.word(value) if value else ""
        return self.text(name) if name else "", f"${{{self.text(name)}}}{text}" if appended and name else text

    def word(self, node: tree_sitter.Node) -> str:
        """The text that a word stands for, with its variables and substitutions as written."""
        if node.type in ("command_name", "concatenation"):
            return "".join(map(self.word, node.children))
        text = self.text(node)
        if node.type == "raw_string":
            return text[1:-1]
        if node.type == "ansi_c_string":
            return text[2:-1]
        if node.type == "string":
            return re.sub(r'\\(["\\$`])', r"\1", text[1:-1].replace("\\\n", ""))
        return re.sub(r"\\(.)", r"\1", text.replace("\\\n", "")) if node.type == "word" else text

    def redirect(self, node: tree_sitter.Node) -> Iterator[Redirect]:
        if node.type == "heredoc_redirect":
            body = next((self.text(child) for child in node.children if child.type == "heredoc_body"), "")
            dashed = any(child.type == "<<-" for child in node.children)
            yield Redirect("<<", "", re.sub(r"(?m)^\t+", "", body) if dashed else body)
            for child in node.children:
                if child.type == "file_redirect":
                    yield from self.redirect(child)
            return
        operator = next((child.type for child in node.children if not child.is_named), "")
        number = next((self.text(child) for child in node.children if child.type == "file_descriptor"), "")
        targets = [child for child in node.named_children if child.type != "file_descriptor"]
        target = self.word(targets[-1]) if targets else ""
        yield Redirect(operator if number in ("", "1") else number + operator, target)

    def redirected(self, node: tree_sitter.Node) -> list[Node]:
        redirects: list[Redirect] = []
        found: list[Node] = []
        for child in node.named_children:
            if child.type.endswith("_redirect"):
                redirects += self.redirect(child)
            elif child.type != "comment":
                found += self.statement(child)
        if not found:
            found = [self.node("command", node)]
        found[-1] = sent(found[-1], tuple(redirects))
        for child in node.named_children:
            if child.type == "heredoc_redirect":
                found[-1] = self.continued(child, found[-1])
        return found

    def continued(self, node: tree_sitter.Node, first: Node) -> Node:
        """What follows `<<EOF` on its line: the grammar puts it inside the redirection."""
        operator = ""
        words = []
        for child in node.children:
            if child.type == "pipeline":
                first = self.pipeline(child, [first])
            elif child.type in ("&&", "||") or (child.type == "ERROR" and self.text(child) in ("&&", "||")):
                operator = self.text(child)
            elif child.type in ("word", "string", "raw_string", "concatenation", "simple_expansion"):
                words.append(self.word(child))
            elif operator and child.is_named and not child.type.startswith(("heredoc", "file_redirect")):
                return replace(first, kind=_JOINED[operator], parts=(first, self.one(child)), words=(), redirects=())
        if operator and words:
            right = self.node("command", node, words=words)
            return Node(_JOINED[operator], first.line, parts=(first, right))
        return replace(first, words=(*first.words, *words)) if first.kind == "command" else first


_JOINED: dict[str, Kind] = {"&&": "and", "||": "or"}
