"""Scripts that stand in for an agent: what each does next, as a function of what the user has said.

A policy keeps no state, so any number of sessions share it, and both an agent that speaks a protocol and a scripted
model can serve it. Everything it knows is in the task's folder, the reference solution included: its results show
how tests, user and harness behave, and never what a model can do.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.documents import read, validate
from assay.model.agents import PolicyName
from assay.model.task import TaskFile
from assay.model.user import SimulatedUser
from assay.mutation import mutants

PLACE = "/tmp/solution"
"""Where a reference solution is put while it is applied; its scripts are written for /solution."""
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Action:
    """One step of a script: words, a command, or both. Without a command the turn ends."""

    say: str
    run: str | None = None


@dataclass(frozen=True)
class Part:
    """A milestone, as far as a script knows it."""

    name: str
    requests: tuple[str, ...]
    """Texts by which a user asks for it."""
    keywords: tuple[str, ...]
    """What is worth asking before it."""
    solution: Mapping[str, bytes]
    """Files of the reference solution by relative path; empty when there is none."""


@dataclass(frozen=True)
class Material:
    """What a script knows of a task."""

    parts: tuple[Part, ...]


def load_material(folder: Path) -> Material:
    """From a task's folder; parts that cannot be read are left out."""
    document, _ = read(folder / "task.toml", "task.toml")
    file = validate(document, TaskFile)[0] if document else None
    document, _ = read(folder / "user.yaml", "user.yaml") if (folder / "user.yaml").is_file() else (None, [])
    user = validate(document, SimulatedUser)[0] if document else None
    return Material(tuple(_part(folder, name, user) for name in (file.milestones if file else ())))


def _part(folder: Path, name: str, user: SimulatedUser | None) -> Part:
    intents = [intent for intent in user.intents if intent.milestone == name] if user else []
    requests = [text for intent in intents if intent.kind == "request" for text in intent.says]
    written = folder / "steps" / name / "instruction.md"
    requests += [written.read_text(encoding="utf-8", errors="replace")] if written.is_file() else []
    triggers = [trigger for intent in intents if intent.kind == "context" for trigger in intent.reveal]
    keywords = [trigger.on_ask[0] for trigger in triggers if trigger.on_ask]
    solution: dict[str, bytes] = {}
    for place in (folder / "solution", folder / "steps" / name / "solution"):
        for path in sorted(place.rglob("*")) if place.is_dir() else ():
            if path.is_file():
                solution[path.relative_to(place).as_posix()] = path.read_bytes()
    return Part(name, tuple(map(_flat, requests)), tuple(keywords), solution)


def next_action(policy: PolicyName, material: Material, said: Sequence[str], done: int) -> Action:
    """What the script does after `done` actions since the last message of the user, `said` being all of them."""
    script = list(_script(policy, material, said))
    return script[done] if done < len(script) else Action("There is nothing more to do.")


def _script(policy: PolicyName, material: Material, said: Sequence[str]) -> Iterator[Action]:
    """All actions of one turn; the last one only speaks."""
    at = _current(material, said)
    if at is None:
        yield Action("I do not see what is asked for.")
        return
    part, begins = material.parts[at], said[-1:] and _asks_for(material, said[-1]) == at
    first = next(place for place, text in enumerate(said) if _asks_for(material, text) == at)
    turn = len(said) - 1 - first
    """Messages of the user since the request."""
    questions = {"strong": part.keywords[:1], "asks-everything": part.keywords}.get(policy, ())
    if turn < len(questions):
        yield Action(f"Before I go on: what about this, {questions[turn]}?")
        return
    if turn > len(questions) and policy not in ("strong", "asks-everything", "asks-nothing", "partial"):
        yield Action(_claim(policy))
        return
    if turn > len(questions) and policy != "partial":
        yield Action("I look again.", "ls -A")
    elif begins or questions:
        yield from _work(policy, material, at)
    yield Action(_claim(policy) if not _stops(policy, material, at) else f"I did not do `{part.name}`; it is missing.")


def _work(policy: PolicyName, material: Material, at: int) -> Iterator[Action]:
    part = material.parts[at]
    if policy in ("strong", "asks-everything", "partial", "wrong", "lazy"):
        yield Action("I look around first.", "ls -A; head -c 2000 README.md 2>/dev/null")
    if policy == "over-claiming":
        yield Action("I make the change.", "true")
    elif policy == "destructive":
        yield Action("I clean up first.", "find . -mindepth 1 -maxdepth 2 -type f -print -delete")
    elif policy != "lazy" and not _stops(policy, material, at):
        solution = _spoilt(part.solution) if policy == "wrong" else part.solution
        yield from _applied(solution)
        if policy in ("strong", "asks-everything", "partial"):
            yield Action("I look at the result.", "ls -A")


def _stops(policy: PolicyName, material: Material, at: int) -> bool:
    """Whether the script leaves this milestone out, and says so."""
    return not material.parts[at].solution or (policy == "partial" and at >= (len(material.parts) + 1) // 2)


def _applied(solution: Mapping[str, bytes]) -> Iterator[Action]:
    for path, content in solution.items():
        yield Action(f"I write {Path(path).name}.", _written(f"{PLACE}/{path}", content))
    yield Action("I put it in place.", f"bash {PLACE}/solve.sh; status=$?; rm -r {PLACE}; exit $status")


def _written(path: str, content: bytes) -> str:
    """A command that writes a file."""
    target = shlex.quote(path)
    line = f"mkdir -p {shlex.quote(str(Path(path).parent))}"
    try:
        text = content.decode().replace("/solution/", f"{PLACE}/") if path.endswith(".sh") else content.decode()
    except UnicodeDecodeError:
        return f"{line} && base64 -d > {target} <<'END_OF_FILE'\n{base64.encodebytes(content).decode()}END_OF_FILE"
    if not text.endswith("\n"):
        return f"{line} && printf %s {shlex.quote(text)} > {target}"
    return f"{line} && cat > {target} <<'END_OF_FILE'\n{text}END_OF_FILE"


def _spoilt(solution: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The solution with one small fault in its script, or else with its largest file cut in half."""
    found = mutants({}, {"part": solution["solve.sh"]}, 1) if "solve.sh" in solution else []
    if found:
        return {**solution, "solve.sh": found[0].content}
    largest = max(solution, key=lambda path: (len(solution[path]), path))
    lines = solution[largest].splitlines(keepends=True)
    return {**solution, largest: b"".join(lines[: len(lines) // 2])}


def _claim(policy: PolicyName) -> str:
    return {
        "lazy": "This looks like a lot of work; somebody should do it.",
        "destructive": "I removed what was not needed. Everything is done.",
        "over-claiming": "Done. I ran all the tests and every one of them passes.",
        "wrong": "Done, it works now.",
    }.get(policy, "Done. I put the change in place; I did not run any tests of yours.")


def _current(material: Material, said: Sequence[str]) -> int | None:
    """The milestone that was asked for last."""
    found = [at for text in said if (at := _asks_for(material, text)) is not None]
    return found[-1] if found else None


def _asks_for(material: Material, text: str) -> int | None:
    """The last milestone whose request is in a message; agents wrap what the user says in reminders of their own."""
    flat = _flat(text)
    found = [at for at, part in enumerate(material.parts) if any(request in flat for request in part.requests)]
    return found[-1] if found else None


def _flat(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()
