"""The statements of a shell script: a small tree for rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

WRAPPERS = {"command", "env", "exec", "nice", "nohup", "stdbuf", "sudo", "time", "timeout", "xvfb-run"}
"""Commands that run the one in their arguments."""
_FLAG_VALUES = {"-u", "-k", "-s", "-n", "-g", "--user", "--signal", "--kill-after"}

Kind = Literal[
    "command", "block", "pipeline", "and", "or", "not", "if", "case", "item", "loop", "function", "subshell",
    "background", "substitution",
]  # fmt: skip


@dataclass(frozen=True)
class Redirect:
    """`>`, `>>`, `<`, `<<`, … and its target, unquoted; `body` is the text of a here-document."""

    operator: str
    target: str
    body: str | None = None

    @property
    def writes(self) -> bool:
        """Whether it sends standard output to a file."""
        return self.operator in (">", ">>", ">|", "&>", "&>>")


@dataclass(frozen=True)
class Node:
    """A statement.

    `parts` are the statements inside, in order: the commands of a pipeline; left and right of `and` and `or`;
    condition, body, condition, body, …, else of an `if`; the items of a `case`; condition and body of a loop; the
    substitutions in the words of a command. `words` are the words of a command (`[`, `((` and assignments included),
    the subject of a case, the patterns of an item, the variable and the list of a `for`, the name of a function.
    """

    kind: Kind
    line: int
    words: tuple[str, ...] = ()
    parts: tuple[Node, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    assigned: tuple[tuple[str, str], ...] = ()
    """Variables that a command sets, for itself or for the script."""

    @property
    def name(self) -> str:
        """The command's name without its directory; empty for what is none."""
        return self.words[0].rpartition("/")[2] if self.kind == "command" and self.words else ""

    @property
    def argv(self) -> tuple[str, ...]:
        """The words without wrappers (`timeout 5`, `sudo -u x`, `env A=1`)."""
        return unwrapped(self.words) if self.kind == "command" else ()

    @property
    def body(self) -> str:
        """The text of its here-documents."""
        return "".join(item.body for item in self.redirects if item.body is not None)


def walk(node: Node, parents: tuple[Node, ...] = ()) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """A statement and all inside it, each with the statements around it."""
    yield node, parents
    for part in node.parts:
        yield from walk(part, (*parents, node))


def unwrapped(words: Sequence[str]) -> tuple[str, ...]:
    """The words of the command that is run in the end: `timeout -k 5 9 nice make` gives `make`."""
    rest = list(words)
    while rest and rest[0].rpartition("/")[2] in WRAPPERS:
        wrapper = rest.pop(0).rpartition("/")[2]
        while rest and (rest[0].startswith("-") or "=" in rest[0]):
            if rest.pop(0) in _FLAG_VALUES and rest:
                rest.pop(0)
        if wrapper == "timeout" and rest:
            rest.pop(0)
    return tuple(rest)


def sent(node: Node, redirects: tuple[Redirect, ...]) -> Node:
    """The statement with redirections: those of a list belong to its last command, those of a group to each of its."""
    if not redirects:
        return node
    if node.kind == "command":
        kept = () if any(item.writes for item in node.redirects) else redirects
        return replace(node, redirects=(*node.redirects, *(kept or (item for item in redirects if not item.writes))))
    if node.kind in ("and", "or", "pipeline", "not") and node.parts:
        return replace(node, parts=(*node.parts[:-1], sent(node.parts[-1], redirects)))
    if node.kind in ("substitution", "function"):
        return node
    return replace(node, parts=tuple(sent(part, redirects) for part in node.parts))


_TESTERS = {"pytest", "py.test", "unittest", "ctest", "jest", "mocha", "vitest", "rspec", "phpunit", "bats", "tox"}
_LAUNCHERS = {"uv", "uvx", "poetry", "pipenv", "npx", "bunx", "pnpm", "yarn", "npm", "coverage", "bundle", "conda"}
_BUILDERS = {"go", "cargo", "make", "npm", "yarn", "pnpm", "mvn", "gradle", "dotnet", "meson", "mix", "bazel", "sbt"}
_INTERPRETERS = {"python", "python3", "bash", "sh", "node", "ruby", "perl", "php", "deno", "bun", "pypy3", "zsh"}
_OWN = ("/tests/", "tests/", "./tests/")


def interprets(argv: Sequence[str]) -> bool:
    """Whether the command is an interpreter that runs a script or code in its arguments."""
    name = argv[0].rpartition("/")[2] if argv else ""
    return name in _INTERPRETERS or name.startswith("python3.")


def runs_tests(argv: Sequence[str]) -> bool:
    """Whether a command's exit status says if tests passed: a test runner, a comparison, or a script of the tests."""
    if not argv:
        return False
    name, rest = argv[0].rpartition("/")[2], argv[1:]
    if name in _TESTERS or name in ("diff", "cmp") or argv[0].startswith("/tests/"):
        return True
    if name in _BUILDERS and any(word in ("test", "check", "verify", "ctest") for word in rest):
        return True
    if name in _LAUNCHERS and any(word.rpartition("/")[2] in _TESTERS for word in rest):
        return "install" not in rest and "add" not in rest
    if interprets(argv):
        module = next((after for word, after in pairwise(rest) if word == "-m"), "")
        return module in _TESTERS or any(word.startswith(_OWN) for word in rest[:4]) or "--test" in rest
    return False
