"""What a verifier's script writes as reward on each of its paths: a small interpreter of exit statuses.

A path knows how its tests ended only where the script looks. What is not understood counts as a condition, so that an
unusual script gives no finding rather than a false one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from assay.audit.shell import Script, script
from assay.audit.statements import Node, interprets, runs_tests

REWARD = re.compile(r"(^|/)rewards?\.(txt|json)$|REWARD_(FILE|PATH|TXT|JSON)\W*$", re.IGNORECASE)
"""A path that is meant to be the reward file."""
_PLUMBING = """
. : apt apt-get break cat cd chmod chown continue cp curl date declare echo export find head kill let local ls mkdir mv
pip pip3 pkill popd printenv printf ps pushd pwd read readonly rm set shift sleep source sync tail tee touch trap true
ulimit umask unset uv wait wget which whoami
"""
PLUMBING = frozenset(_PLUMBING.split())
"""Commands whose exit status says nothing of the agent's work."""
PATHS = 200

Verdict = Literal["unknown", "gated", "passed", "failed"]
"""What a path knows of its tests; `gated` is a condition that is not understood."""


@dataclass(frozen=True)
class Path:
    """One way through the script so far."""

    verdict: Verdict = "unknown"
    written: str | None = None
    tested: int = 0
    """The line of the last command that ran tests."""
    status: str = "none"
    """Whose exit status `$?` is: `tests`, `some` other command, `none` that matters."""
    variables: tuple[tuple[str, str], ...] = ()
    errexit: bool = False
    pipefail: bool = False
    trapped: bool = False
    ended: str = ""

    def expand(self, word: str) -> str:
        """The word with `$?` as `\\0tests`, `\\0some` or `\\0none`, and the variables that the path has set."""
        word = re.sub(r"\$(\?|\{\?\})", f"\0{self.status}", word)
        word = re.sub(r"\$\{PIPESTATUS(\[\d+\])?\}", "\0tests" if self.tested else "\0some", word)
        known = dict(self.variables)
        return re.sub(r"\$(?:(\w+)|\{(\w+)(?::?-[^{}]*)?\})", lambda f: known.get(f[1] or f[2], f[0]), word)


Split = tuple[list[Path], list[Path]]
"""Paths on which a condition holds, and paths on which it does not."""


@dataclass(frozen=True)
class Write:
    """The reward being written on a path."""

    line: int
    target: str
    value: str
    """What is written, where that is plain; `?` when it is computed."""
    before: Path

    @property
    def number(self) -> float | None:
        """The reward, or the greatest of several; None when it is computed."""
        try:
            found = json.loads(self.value)
            numbers = [float(item) for item in (found.values() if isinstance(found, dict) else [found])]
            return max(numbers, default=None)
        except (ValueError, TypeError, RecursionError):
            return None


@dataclass
class Flow:
    """The writes and the ends of all paths of a script."""

    source: Script
    delegates: Callable[[Node], bool]
    """Whether a command runs a file of the tests that writes the reward itself."""
    writes: list[Write] = field(default_factory=list)
    functions: dict[str, Node] = field(default_factory=dict)
    depth: int = 0

    def ends(self) -> list[Path]:
        """Every path at its end; empty when there are too many."""
        found = self.run(self.source.whole, [Path()])
        return found if len(found) < PATHS else []

    def run(self, node: Node, paths: Sequence[Path]) -> list[Path]:
        """The paths after a statement whose status nothing in the statement around it looks at."""
        results: dict[Path, None] = {}
        for path in paths[:PATHS]:
            results.update(dict.fromkeys([path] if path.ended else self.step(node, path)))
        return list(results)

    def step(self, node: Node, path: Path) -> list[Path]:
        if node.kind in ("block", "subshell") and node.parts:
            paths = [path]
            for part in node.parts:
                paths = self.run(part, paths)
            return [replace(end, ended="") for end in paths] if node.kind == "subshell" else paths
        if node.kind == "function":
            self.functions[node.words[0] if node.words else ""] = node
            return [path]
        if node.kind in ("command", "pipeline"):
            return [end for after in self.effects(node, path) for end in _checked(after)]
        if node.kind == "if":
            return self.branches(node, path)
        if node.kind == "case":
            return self.items(node, path)
        if node.kind == "loop":
            return self.loop(node, path)
        if node.kind == "background":
            return [replace(path, status="none")]
        if node.kind in ("and", "or") and len(node.parts) == 2:
            good, bad = self.decide(node.parts[0], path)
            return (
                [*self.run(node.parts[1], good), *bad] if node.kind == "and" else [*good, *self.run(node.parts[1], bad)]
            )
        good, bad = self.decide(node, path)
        return [*good, *bad]

    def decide(self, node: Node, path: Path) -> Split:
        """The paths on which a condition holds, and those on which it does not; `set -e` is off inside."""
        good, bad = self.split(node, replace(path, errexit=False))
        good, bad = ([replace(each, errexit=path.errexit) for each in ends] for ends in (good, bad))
        return good, bad

    def split(self, node: Node, path: Path) -> Split:
        if path.ended:
            return [path], []
        if node.kind == "not":
            good, bad = self.decide(replace(node, kind="block"), path)
            return bad, good
        if node.kind in ("and", "or") and len(node.parts) == 2:
            good, bad = self.decide(node.parts[0], path)
            holds, fails = _joined(self.decide(node.parts[1], each) for each in (good if node.kind == "and" else bad))
            return (holds, bad + fails) if node.kind == "and" else (good + holds, fails)
        if node.kind in ("block", "subshell") and node.parts:
            paths = self.run(replace(node, kind="block", parts=node.parts[:-1]), [path]) if node.parts[1:] else [path]
            return _joined(self.decide(node.parts[-1], each) for each in paths)
        called = self.function(node)
        if called is not None:
            return self.call(called, path)
        if node.kind in ("command", "pipeline"):
            return _joined(self.outcome(node, path, after) for after in self.effects(node, path))
        known = node.kind in ("if", "case", "loop", "function", "background")
        paths = self.run(node, [path]) if known else [path]
        return paths, paths

    def outcome(self, node: Node, path: Path, after: Path) -> Split:
        """How the exit status of a command splits a path."""
        if after.ended:
            return [after], []
        test = node.name in ("[", "[[", "test", "((")
        kind, equal = compared(" ".join(map(path.expand, node.words))) if test else (after.status, True)
        if kind == "none":
            always = test or node.name in ("true", ":", "echo", "printf", "export", "set", "")
            pair = [after], [] if always else [replace(after, verdict=_gated(after.verdict), status="some")]
        elif kind == "tests":
            pair = [replace(after, verdict="passed")], [replace(after, verdict="failed")]
        else:
            gated = replace(after, verdict="gated" if test else _gated(after.verdict))
            pair = [gated], [gated]
        return pair if equal else (pair[1], pair[0])

    def effects(self, node: Node, path: Path) -> list[Path]:
        """A path after a command or a pipeline, not yet split by its status."""
        if node.kind == "pipeline":
            return self.piped(node, path)
        called = self.function(node)
        if called is not None:
            self.depth += 1
            ends = self.run(replace(called, kind="block"), [path]) if self.depth < 4 else [replace(path, status="some")]
            self.depth -= 1
            return [_returned(end) for end in ends]
        for inner in node.parts:
            path = self.run(replace(inner, kind="subshell"), [path])[0]
        for variable, value in node.assigned:
            path = _assigned(path, variable, path.expand(value) if "$(" not in value else "\0some")
        return [self.simple(node, self.writing(node, node.argv, path))]

    def simple(self, node: Node, path: Path) -> Path:
        argv = node.argv
        name = argv[0].rpartition("/")[2] if argv else ""
        if name in ("exit", "return") or (node.name == "exec" and argv):
            return replace(path, ended=" ".join(argv[:2]) if name == "return" else "exit")
        if name == "set":
            return _option(path, argv)
        if name == "trap" and {"EXIT", "0"} & set(argv[2:]):
            return replace(path, trapped=self.handles(argv[1]), status="none")
        if runs_tests([self.source.expand(word) for word in argv]):
            return replace(path, tested=node.line, status="tests")
        if name in ("[", "[[", "test", "((") and compared(" ".join(map(path.expand, node.words)))[0] == "tests":
            return replace(path, status="tests")
        if not argv:
            return path if node.parts else replace(path, status="none")
        return replace(path, status="none" if name in PLUMBING else "some")

    def piped(self, node: Node, path: Path) -> list[Path]:
        given, statuses = path.status, []
        paths = [path]
        for before, part in zip((None, *node.parts), node.parts, strict=False):
            if part.name == "tee" and before is not None and any(map(REWARD.search, map(path.expand, part.words))):
                value = _printed(before, path)
                paths = [self.written(part, part.words[-1], value, each) for each in paths]
                statuses.append("none")
            elif part.kind == "command" and self.function(part) is None:
                paths = [end for each in paths for end in self.effects(part, replace(each, status=given))]
                statuses.append(paths[0].status if paths else "none")
            else:
                paths = self.run(replace(part, kind="subshell") if part.kind == "block" else part, paths)
                statuses.append("some")
        counted = statuses if path.pipefail else statuses[-1:]
        status = next((kind for kind in ("tests", "some") if kind in counted), "none")
        return [replace(each, status=status, ended="") for each in paths]

    def function(self, node: Node) -> Node | None:
        """The function of the script that a command calls."""
        return self.functions.get(node.words[0]) if node.kind == "command" and node.words else None

    def call(self, function: Node, path: Path) -> Split:
        """The paths on which a function succeeds and fails."""
        if self.depth > 3 or not function.parts:
            return [replace(path, status="some")], [replace(path, status="some")]
        self.depth += 1
        good, bad = self.decide(replace(function, kind="block"), path)
        self.depth -= 1
        either = [end for end in good if not re.fullmatch(r"(return|exit)?|return 0", end.ended)]
        good = [end for end in good if not re.fullmatch(r"return 0*[1-9]\d*", end.ended)]
        return [_returned(end) for end in good], [_returned(end) for end in (*bad, *either)]

    def writing(self, node: Node, argv: Sequence[str], path: Path) -> Path:
        """The path after the reward that a command writes, if it does."""
        for redirect in node.redirects:
            if redirect.writes and REWARD.search(self.filled(redirect.target, path)):
                path = self.written(node, redirect.target, _printed(node, path), path)
        if node.name in ("cp", "mv", "install") and argv and REWARD.search(self.filled(argv[-1], path)):
            return self.written(node, argv[-1], "?", path)
        code = interprets(argv) and re.search(r"reward\.(txt|json)", " ".join(argv) + node.body)
        if code or self.delegates(node):
            return self.written(node, "/logs/verifier/reward.txt", "?", path)
        return path

    def filled(self, word: str, path: Path) -> str:
        return self.source.expand(path.expand(word))

    def written(self, node: Node, target: str, value: str, path: Path) -> Path:
        self.writes.append(Write(node.line, self.filled(target, path), value, path))
        return replace(path, written=value)

    def handles(self, handler: str) -> bool:
        """Whether the handler of a trap writes the reward."""
        inner = self.functions.get(handler.strip())
        commands = script(handler).commands if inner is None else Script(inner).commands
        targets = [item.target for command in commands for item in command.redirects] + [
            word for command in commands for word in command.words
        ]
        return any(REWARD.search(self.source.expand(target)) for target in targets)

    def branches(self, node: Node, path: Path) -> list[Path]:
        waiting, results = [path], []
        for condition, body in zip(node.parts[::2], node.parts[1::2], strict=False):
            good, waiting = _joined(self.decide(condition, each) for each in waiting)
            results += self.run(body, good)
        return results + (self.run(node.parts[-1], waiting) if len(node.parts) % 2 else waiting)

    def items(self, node: Node, path: Path) -> list[Path]:
        subject = path.expand(node.words[0] if node.words else "")
        rest: Verdict = "gated"
        results = []
        for item in node.parts:
            verdict: Verdict = "gated"
            if subject.startswith("\0tests"):
                verdict = "passed" if item.words == ("0",) else rest if "*" in item.words else "failed"
                rest = "gated" if verdict == "failed" and "*" not in item.words else rest
                rest = "failed" if "0" in item.words else rest
            elif subject == "\0none" and "0" in item.words:
                verdict = path.verdict
            results += self.run(replace(item, kind="block"), [replace(path, verdict=verdict)])
        complete = any("*" in item.words for item in node.parts)
        return results if complete else [*results, replace(path, verdict="gated")]

    def loop(self, node: Node, path: Path) -> list[Path]:
        good, bad = self.decide(node.parts[0], path) if node.words == () and node.parts else ([path], [])
        inside = self.run(node.parts[-1], good) if len(node.parts) > 1 else good
        later = [replace(each, verdict="gated") for each in bad]
        return [*inside, *later]


def compared(text: str) -> tuple[str, bool]:
    """Whose status a condition compares with 0 (`tests`, `none`; `some` if not understood), and whether to be equal."""
    found = re.search(r"\0(\w+)\"?\s*(-eq|-ne|-gt|==|=|!=|>)\s*\"?(-?\d+)", text)
    if found:
        kind, operator, number = found.groups()
        if re.search(r"&&|\|\||\s-[ao]\s", text) or (number != "0" and kind == "tests"):
            return "some", True
        return kind, (operator in ("-eq", "==", "=")) == (number == "0")
    literal = re.fullmatch(r"(?:\[\[?|test) ([\w.-]+) (=|==|-eq|!=|-ne) ([\w.-]+)(?: \]\]?)?", text)
    if literal:
        return "none", (literal[1] == literal[3]) == (literal[2] in ("=", "==", "-eq"))
    return "some", True


def _joined(pairs: Iterable[Split]) -> Split:
    found = [*pairs]
    return [each for good, _ in found for each in good], [each for _, bad in found for each in bad]


def _returned(path: Path) -> Path:
    """A path after the function that it is in."""
    if path.ended in ("", "exit"):
        return path
    return replace(path, ended="", status=path.status if path.ended in ("return", "return $?") else "some")


def _checked(path: Path) -> list[Path]:
    """A path after a statement whose status only `set -e` looks at."""
    if not path.errexit or path.ended or path.status == "none":
        return [path]
    if path.status == "tests":
        return [replace(path, verdict="passed"), replace(path, verdict="failed", ended="exit")]
    return [replace(path, verdict=_gated(path.verdict))]


def _gated(verdict: Verdict) -> Verdict:
    return "gated" if verdict == "unknown" else verdict


def _assigned(path: Path, name: str, value: str) -> Path:
    kept = [item for item in path.variables if item[0] != name]
    return replace(path, variables=(*kept, (name, value[:200])))


def _option(path: Path, argv: Sequence[str]) -> Path:
    on = {word: flag.startswith("-") for flag, word in pairwise(argv) if flag.endswith("o")}
    path = replace(path, pipefail=on.get("pipefail", path.pipefail), status="none")
    for flag in argv[1:]:
        if re.fullmatch(r"[-+]\w*e\w*", flag):
            path = replace(path, errexit=flag.startswith("-"))
    return replace(path, errexit=on["errexit"]) if "errexit" in on else path


def _printed(node: Node, path: Path) -> str:
    """What a command prints: the arguments of echo or printf, a here-document; `?` for anything else."""
    if node.name in ("echo", "printf"):
        words: Iterable[str] = (path.expand(word) for word in node.words[1:] if word not in ("-n", "-e", "-ne", "--"))
        given = [word for word in words if node.name == "echo" or not re.fullmatch(r"(%\w|\\n)+", word)]
        text = " ".join(given).replace("\\n", "").strip()
        return text if text and "$" not in text and "\0" not in text else "?"
    return node.body.strip() or "?" if node.name == "cat" and node.body else "?"
