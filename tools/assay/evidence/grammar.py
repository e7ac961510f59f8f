"""The citation grammar, in running text and in lists.

    citation = "[" [ alias SP ] kind ":" target [ "#L" n [ "-L" n ] ] [ SP '"' quote '"' ] "]"
    kind     = step | diff | file | test | run
    target   = bare, without space, bracket, quote sign and "#"  |  '"' any text '"'

In lists of citations the brackets are left out. Inside quote signs, `\\"` is a quote sign and `\\\\` a backslash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["step", "diff", "file", "test", "run"]

_KINDS: dict[str, Kind] = {"step": "step", "diff": "diff", "file": "file", "test": "test", "run": "run"}
_OPENING = re.compile(
    r"\[\s*(?:[A-Za-z0-9][\w-]*[\s/:,]+)?(?:(?:step|diff|file|test|run)\s*:|step\s+\d)",
    re.IGNORECASE,
)
_HEAD = re.compile(r"(?:(?P<alias>[a-z0-9][a-z0-9-]*)\s+)?(?P<kind>step|diff|file|test|run):")
_TARGET = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s\[\]"#]+)', re.DOTALL)
_LINES = re.compile(r"#L(?P<first>[1-9]\d*)(?:-L(?P<last>[1-9]\d*))?(?![\w-])")
_QUOTE = re.compile(r'\s+"(?P<quote>(?:[^"\\]|\\.)*)"', re.DOTALL)
_STEP = re.compile(r"([1-9]\d*)(?:\.c([1-9]\d*))?")
_START = "a citation starts with `step:`, `diff:`, `file:`, `test:` or `run:`, or an alias and a blank before that"
_TYPED = re.compile(
    r"\[\s*(?:(?P<alias>[a-z0-9][a-z0-9-]*)[\s/:,]+)?(?P<kind>(?i:step|diff|file|test|run))\s*(?::|(?<=[Pp])\s)\s*"
)
_CURLY = re.compile(r"[“”„]([^“”„\"\\]*)[“”]")
_UNESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True)
class Citation:
    """A well-formed reference; `start` and `end` are offsets in the text it was found in, brackets included."""

    alias: str | None
    kind: Kind
    target: str
    first: int | None
    last: int | None
    quote: str | None
    start: int
    end: int
    text: str
    """As it was written, brackets included."""

    @property
    def place(self) -> str:
        """The reference without alias, brackets and quote, such as `step:12.c1#L3-L5`."""
        lines = "" if self.first is None else f"#L{self.first}"
        lines += "" if self.last in (None, self.first) else f"-L{self.last}"
        bare = _TARGET.fullmatch(self.target)
        target = self.target if bare and bare["bare"] else '"' + re.sub(r'(["\\])', r"\\\1", self.target) + '"'
        return f"{self.kind}:{target}{lines}"

    @property
    def step(self) -> int | None:
        """The number of the cited step."""
        match = _STEP.fullmatch(self.target) if self.kind == "step" else None
        return int(match[1]) if match else None

    @property
    def call(self) -> int | None:
        """The number of the cited call within its step, counted from 1."""
        match = _STEP.fullmatch(self.target) if self.kind == "step" else None
        return int(match[2]) if match and match[2] else None

    @property
    def milestone(self) -> str | None:
        """The milestone that a test citation names."""
        return self.target.partition("/")[0] if self.kind == "test" else None


@dataclass(frozen=True)
class Malformed:
    """What looks like a citation and is none; `start` is where it begins, `fault` where it stops making sense."""

    reason: str
    start: int
    end: int
    fault: int
    text: str


def find_citations(text: str) -> tuple[list[Citation], list[Malformed]]:
    """The citations in running text, and every bracket that opens like one and cannot be read."""
    found: list[Citation] = []
    malformed: list[Malformed] = []
    at = 0
    while opening := _OPENING.search(text, at):
        item = _parse(text, opening.start(), bracket=True)
        if isinstance(item, Citation):
            found.append(item)
            at = item.end
        else:
            malformed.append(item)
            at = opening.end()
    return found, malformed


def cites(text: str) -> bool:
    """Whether running text holds anything that is a citation or is meant to be one."""
    return _OPENING.search(text) is not None


def parse_citation(item: str) -> Citation | Malformed:
    """One entry of a list of citations: the whole string, without brackets."""
    if _OPENING.match(item):
        return Malformed("citations in a list are written without brackets", 0, len(item), 0, item)
    return _parse(item, 0, bracket=False)


def mended(text: str) -> str:
    """A malformed citation as it must have been meant: blanks, upper case, typographic quotes; empty if unsure."""
    head = _TYPED.match(text)
    if head is None:
        return ""
    alias = f"{head['alias']} " if head["alias"] else ""
    place, sign, quote = _CURLY.sub(r'"\1"', text[head.end() :].removesuffix("]").rstrip()).partition('"')
    made = f"[{alias}{head['kind'].lower()}:{place.strip()}{' ' * bool(sign)}{sign}{quote}]"
    found = _parse(made, 0, bracket=True)
    return made if isinstance(found, Citation) and found.end == len(made) else ""


@lru_cache(1 << 16)
def _parse(text: str, start: int, *, bracket: bool) -> Citation | Malformed:
    def malformed(reason: str, at: int) -> Malformed:
        line = text.find("\n", at)
        close = text.find("]", at)
        ends = [len(text), *(end for end in (line, close + 1 if close >= 0 else -1) if end >= 0)]
        return Malformed(reason, start, min(ends), at, text[start : min(ends)])

    at = start + bracket
    head = _HEAD.match(text, at)
    if head is None:
        return malformed(_START, at)
    kind = _KINDS[head["kind"]]
    target = _TARGET.match(text, head.end())
    if target is None:
        return malformed(f"`{kind}:` needs a target right behind it", head.end())
    name = _unescaped(target["quoted"]) if target["bare"] is None else target["bare"]
    if reason := _odd_target(kind, name):
        return malformed(reason, head.end())
    at = target.end()
    lines = _LINES.match(text, at)
    if lines is None and text[at : at + 1] == "#":
        return malformed("lines are written `#L12` or `#L12-L20`", at)
    first, last = (int(lines["first"]), int(lines["last"] or lines["first"])) if lines else (None, None)
    if reason := _odd_lines(kind, first, last):
        return malformed(reason, at)
    at = lines.end() if lines else at
    quote = _QUOTE.match(text, at)
    at = quote.end() if quote else at
    if reason := _odd_end(text, at, bracket=bracket, quoted=quote is not None):
        return malformed(reason, at)
    end = at + bracket
    words = _unescaped(quote["quote"]) if quote else None
    return Citation(head["alias"], kind, name, first, last, words, start, end, text[start:end])


def _unescaped(text: str) -> str:
    return _UNESCAPE.sub(r"\1", text)


def _odd_target(kind: Kind, target: str) -> str | None:
    if not target:
        return "the target must not be empty"
    if kind == "step" and not _STEP.fullmatch(target):
        return f"a step is cited by its number, `step:17` or `step:17.c2`; found `{target}`"
    if kind == "run" and not target.isdecimal():
        return f"a verification run is cited by its number, `run:03`; found `{target}`"
    if kind == "test" and ("" in target.split("/", 1)):
        return f"a test is cited as `test:milestone/test`; found `{target}`"
    return None


def _odd_lines(kind: Kind, first: int | None, last: int | None) -> str | None:
    if first is None or last is None:
        return None
    if kind not in ("step", "file", "run"):
        return f"line numbers belong to `step:`, `file:` and `run:`; leave them out of `{kind}:`"
    if last < first:
        return f"line {last} comes before line {first}"
    return None


def _odd_end(text: str, at: int, *, bracket: bool, quoted: bool) -> str | None:
    """Why the citation cannot end at `at`."""
    rest, close = text[at : at + 200].lstrip(), "`]`" if bracket else "the end"
    if bracket and text.startswith("]", at):
        return None
    if not bracket and at == len(text):
        return None
    if quoted:
        return f'after the quote, {close} must follow; write a quote sign inside a quote as `\\"`'
    if rest.startswith('"'):
        return "the quote is not closed" if text[at].isspace() else "a blank must stand before the quote"
    if rest[:1] in ("“", "”", "'", "‘", "«"):
        return f'a quote stands in straight double quotes, "like this"; found {rest[0]}'
    if not rest:
        return "the closing `]` is missing"
    return f"after the target, a quote or {close} must follow; found `{rest[:12].split()[0]}`"
