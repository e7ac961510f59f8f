"""Recorded runs once more: whether they come out as they are recorded, apart from what every run has of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from assay.errors import UsageError
from assay.evidence import Run
from assay.evidence.quotes import normalise
from assay.evidence.runs import ERR, OUT, rerun_path
from assay.executors.docker import Engine
from assay.executors.owners import scratch
from assay.model.run import RecordedRun, Rerun
from assay.storage import as_json, write_whole
from assay.verification.preparation import Prepared, prepare
from assay.verification.runs import Ran, run
from assay.verification.states import State, state_of
from assay.workspace import Workspace

SECONDS = 600.0
"""A command of a rerun may take as long as one of `assay verify` by default, or what it took when it was recorded."""
_OWN = [
    (re.compile(r"\[\.\.\. \d+ bytes hidden; sha256 of all: [0-9a-f]+ \.\.\.\]"), "[cut]"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "DATE"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"), "TIME"),
    (re.compile(r"\b0x[0-9a-fA-F]{4,}\b"), "ADDRESS"),
    (re.compile(r"\b(?:\d+m ?)?\d+(?:[.,]\d+)? ?(?:ns|us|µs|ms|s|sec|secs|seconds?|minutes?)\b"), "DURATION"),
    (re.compile(r"/tmp/[\w./-]*"), "/tmp/NAME"),
    (re.compile(r"\bpid[ =:]+\d+", re.IGNORECASE), "PID"),
]
"""What two runs of the same program may print otherwise."""


def comparable(text: str) -> str:
    """The text without durations, times, addresses, temporary names, colours and layout."""
    for pattern, word in _OWN:
        text = pattern.sub(word, text)
    return normalise(text)


def rerun(workspace: Workspace, runs: Iterable[Run], say: Callable[[str], None]) -> None:
    """Run each again, once or twice, and note what came of it below .assay; `say` is told of each.

    A shell is nobody's to repeat and is left out. Raises EnvironmentMissingError without an engine, EngineError when it
    stops working.
    """
    chosen = list(runs)
    for item in chosen:
        if item.entry.record.kind == "shell":
            say(f"{item.entry.path}: a shell; what a person types is not run again")
    wanted = [item for item in chosen if item.entry.record.kind != "shell"]
    if not wanted:
        return
    with Engine.connect() as engine:
        ready: dict[str, Prepared] = {}
        try:
            for item in wanted:
                if item.task not in ready:
                    ready[item.task] = prepare(engine, workspace.task(item.task))
                found = _judged(engine, ready[item.task], workspace, item)
                path = rerun_path(item.task, item.annotator, item.name)
                write_whole(workspace.root / path, as_json(found))
                words = {"same": "came out as recorded", "changed": "changed", "unsteady": "is not deterministic"}
                say(f"{item.entry.path}: {words[found.verdict]}{f' ({found.found})' if found.found else ''}")
        except BaseException:
            engine.stop()
            raise


def _judged(engine: Engine, prepared: Prepared, workspace: Workspace, item: Run) -> Rerun:
    record, digest = item.entry.record, item.sha256
    recorded = _outcome(record, {suffix: item.content(suffix) for suffix in (OUT, ERR)})
    attempt = workspace.attempt(item.task, record.alias)
    if attempt is None:
        return _verdict(digest, "changed", f"there is no trajectory `{record.alias}` any more")
    results: list[dict[str, str]] = []
    for _ in range(2):
        try:
            where = record.state
            state = state_of(attempt, where.milestone if where.kind == "milestone" else None, where.step)
            results.append(_again(engine, prepared, state, record))
        except UsageError as error:
            return _verdict(digest, "changed", f"it cannot be run again: {error.message}")
        if results[0] == recorded:
            return _verdict(digest, "same", "")
    if results[0] != results[1]:
        return _verdict(digest, "unsteady", _difference(results[0], results[1]))
    return _verdict(digest, "changed", _difference(recorded, results[0]))


def _again(engine: Engine, prepared: Prepared, state: State, record: RecordedRun) -> dict[str, str]:
    ran = Ran(record.kind, tuple(record.command), lambda piece: None)
    with scratch() as folder:
        run(engine, prepared, state, ran, max(SECONDS, 2 * record.seconds), folder)
    made = record.model_copy(update={"exit_code": ran.exit_code, "tests": ran.tests})
    return _outcome(made, {OUT: ran.text("out"), ERR: ran.text("err")})


def _outcome(record: RecordedRun, output: Mapping[str, bytes]) -> dict[str, str]:
    """What is compared, by name: the status of each test, or what a command printed; the exit code in both cases."""
    found = {"exit code": str(record.exit_code)}
    if record.kind == "tests":
        return found | {
            f"{name}/{test}": status for name, all_ in record.tests.items() for test, status in all_.items()
        }
    names = {OUT: "standard output", ERR: "standard error"}
    return found | {names[suffix]: comparable(content.decode("utf-8", "replace")) for suffix, content in output.items()}


def _difference(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The first thing that differs, in words."""
    name = next(name for name in (*one, *other) if one.get(name) != other.get(name))
    first, second = one.get(name, "absent"), other.get(name, "absent")
    if not name.startswith("standard"):
        return f"{name}: {first}, then {second}"
    at = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), 0)
    if first.startswith(second) or second.startswith(first):
        at = min(len(first), len(second))
    start = max(0, at - 20)
    return f"{name}: `{first[start : start + 50]}`, then `{second[start : start + 50]}`"


def _verdict(digest: str, verdict: Literal["same", "changed", "unsteady"], found: str) -> Rerun:
    return Rerun(format=1, run_sha256=digest, verdict=verdict, found=found)
