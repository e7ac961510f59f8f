"""Whole files as an annotator sees them: what leaks in them, where, and what the workspace's policy lets pass."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache

from assay.masking.dictionary import Dictionary, Term, named, standard
from assay.masking.scan import Leak, scan
from assay.model.settings import MaskPolicy

_STEP = re.compile(r'"step_id": ?(\d+)')
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")
_GUESS = re.compile(r"^( *)identity_guess:(?: *\{[^}]*\}|.*\n(?:\1 +.*(?:\n|\Z))*)", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """One term in one file: its first place, and how often it is there."""

    leak: Leak
    text: str
    times: int
    step: int | None
    """Of a trajectory."""

    @property
    def words(self) -> str:
        """What is there, how often, and the name under which it can be allowed."""
        name = f", `{self.leak.term}`" if self.leak.term != self.text.lower() else ""
        times = f", {self.times} times" if self.times > 1 else ""
        return f"`{self.text}` ({self.leak.kind}{name}){times}"


@lru_cache(8)
def dictionary(terms: tuple[str, ...], own: tuple[Term, ...] = ()) -> Dictionary:
    """The standard dictionary with a workspace's `[mask] terms` and what is known of one attempt's maker."""
    return standard() | [*(named("own", term) for term in terms), *own]


@dataclass
class Clean:
    """Texts in which nothing was found, by hash with what was looked for; of use to one version of this package."""

    known: frozenset[str] = frozenset()
    met: set[str] = field(default_factory=set)
    """Those that were asked for or found since."""

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within, such texts are not looked through again."""
        token = _clean.set(self)
        try:
            yield
        finally:
            _clean.reset(token)


_clean: ContextVar[Clean | None] = ContextVar("clean", default=None)


def leaks(path: str, text: str, task: str, policy: MaskPolicy, own: tuple[Term, ...] = ()) -> list[Found]:
    """What leaks in a file of `task`, each term once, without what is allowed there, in order of place."""
    clean = _clean.get()
    if clean is None:
        return _leaks(path, text, task, policy, own)
    kind = path.rpartition(".")[2]  # by which a text is read
    outer = hashlib.sha256(repr((kind, sorted(_allowed(task, policy)), policy.terms, own)).encode())
    outer.update(text.encode(errors="surrogatepass"))
    key = outer.hexdigest()
    found = [] if key in clean.known else _leaks(path, text, task, policy, own)
    if not found:
        clean.met.add(key)
    return found


def _leaks(path: str, text: str, task: str, policy: MaskPolicy, own: tuple[Term, ...]) -> list[Found]:
    plain, allowed = _plain(path, text), _allowed(task, policy)
    first: dict[tuple[str, str], Leak] = {}
    times: dict[tuple[str, str], int] = {}
    for leak in scan(plain, dictionary(tuple(policy.terms), own)):
        key = leak.term, leak.kind
        if leak.term not in allowed and plain[leak.start : leak.end].lower() not in allowed:
            first.setdefault(key, leak)
            times[key] = times.get(key, 0) + 1
    return [
        Found(leak, " ".join(text[leak.start : leak.end].split())[:60], times[key], _step(path, text, leak.start))
        for key, leak in first.items()
    ]


def _plain(path: str, text: str) -> str:
    """The text with blanks where JSON's escapes would hide the start of a word, and where a guess is asked for."""
    if path.endswith((".json", ".jsonl")) and "\\" in text:
        text = text.replace("\\n", "  ").replace("\\t", "  ").replace("\\r", "  ")
        text = _ESCAPE.sub(" " * 6, text) if "\\u" in text else text
    if "identity_guess" in text and path.endswith(".yaml"):
        text = _GUESS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def _step(path: str, text: str, at: int) -> int | None:
    """The step that a place of a trajectory is in: keys cannot be in texts, whose quotes are escaped."""
    if not path.endswith("trajectory.json"):
        return None
    start = text.rfind('"step_id":', 0, at)
    match = _STEP.match(text, start) if start >= 0 else None
    return int(match[1]) if match else None


def split(found: Iterable[Found]) -> tuple[list[Found], list[Found]]:
    """The certain ones and the possible ones."""
    both: tuple[list[Found], list[Found]] = [], []
    for item in found:
        both[not item.leak.certain].append(item)
    return both


def names(text: str, task: str, policy: MaskPolicy) -> Iterator[Leak]:
    """What leaks in the name of a file, a folder or a branch."""
    allowed = _allowed(task, policy)
    for leak in scan(text.replace("/", " / "), dictionary(tuple(policy.terms))):
        if leak.term not in allowed:
            yield leak


def _allowed(task: str, policy: MaskPolicy) -> set[str]:
    """Terms that a task may use; what belongs to no task, such as a commit's message, may use those of all."""
    return {item.term.lower() for item in policy.allow if item.task == task or not task}
