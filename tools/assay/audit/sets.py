"""Many task folders at once: found below the folders a person names, audited in processes, compared."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from assay.audit import INCOMPLETE, Audited, audit, declare_task_rule, graded
from assay.audit.folder import TaskFolder
from assay.audit.graders import declared_difficulty
from assay.audit.similarity import REVIEWED, Pair
from assay.diagnostics import Diagnostic, Severity

TEXT_LIMIT = 20_000
"""Characters of an instruction that are compared."""
UNIFORM = 10
"""Tasks from which one difficulty for all of them is worth a note."""
CHUNK = 8
"""Tasks that a process takes at a time."""
POLL = 0.1
"""Seconds that an interrupt may wait."""

declare_task_rule(
    "task-near-duplicate",
    """No two tasks of a set ask for nearly the same.

What solves one solves the other: the set counts one ability twice. The cosine of their instructions is 0.8 or more.

Bad:
    tasks/order-totals/instruction.md
    tasks/order-totals-2/instruction.md      # the same, with other column names

Good:
    tasks/order-totals/instruction.md
    tasks/order-refunds/instruction.md
""",
    Severity.WARNING,
)
declare_task_rule(
    "task-similar",
    """Tasks that resemble each other, or a text of the corpus, are named.

Their cosine is 0.6 to 0.8: often two tasks of one family, sometimes one task told twice.

Bad:
    tasks/order-totals/instruction.md
    tasks/invoice-totals/instruction.md

Good:
    tasks/order-totals/instruction.md
    tasks/log-rotation/instruction.md
""",
    Severity.NOTE,
)
declare_task_rule(
    "task-contaminated",
    """No task repeats a text of the corpus it is compared with (`--corpus`).

A task that is published elsewhere may have been seen with its solution. The cosine is 0.8 or more.

Bad:
    instruction.md      # an exercise of the corpus, reworded

Good:
    instruction.md      # written for this set
""",
    Severity.WARNING,
)


@dataclass(frozen=True)
class Place:
    """A task folder, what it is called in the report, and how its path is shown."""

    path: Path
    name: str
    shown: str


class Result(NamedTuple):
    """An audited task, and what comparing it with others needs."""

    audited: Audited
    place: Place
    instruction: str = ""
    instruction_file: str = ""
    difficulty: str | None = None


def places(roots: Sequence[tuple[Path, str]]) -> list[Place]:
    """The task folders at or below each of `roots` (folder, how it is shown), each once.

    A task is called by its folder, or by its path where two folders have one name.
    """
    found: dict[Path, str] = {}
    for root, shown in roots:
        for path in _tasks(root):
            below = path.relative_to(root).as_posix()
            name = shown if below == "." else f"{shown.rstrip('/')}/{below}"
            found.setdefault(path.resolve(), name.removeprefix("./"))
    names = Counter(path.name for path in found)
    return [Place(path, path.name if names[path.name] == 1 else shown, shown) for path, shown in found.items()]


def _tasks(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        if _is_task({*folders, *files}):
            folders.clear()
            yield Path(place)


def _is_task(names: set[str]) -> bool:
    """A task that has lost its settings file is still one: its tests lie beside what they test."""
    tested = "tests" in names and bool(names & {"instruction.md", "run-tests.sh"})
    return tested or bool(names & {"task.toml", "task.yaml"})


def audit_all(places: Sequence[Place], policy: Mapping[str, str], jobs: int) -> Iterator[Result]:
    """Audit the folders in `jobs` processes; results in the order of `places`.

    A task that ends the process that reads it has one finding that says so.
    """
    done = 0
    with _interruptible_between_results():
        try:
            for result in _results(places, policy, min(jobs, len(places))):
                done += 1
                yield result
        except BrokenProcessPool:
            # one of the next tasks did it; alone, each answers for itself
            for place in places[done:]:
                yield from _alone(place, policy)


def _alone(place: Place, policy: Mapping[str, str]) -> Iterator[Result]:
    try:
        yield from _results([place], policy, 1)
    except BrokenProcessPool:
        message = "nothing is assessed: the process that read this task was killed, or crashed"
        item = Diagnostic(place.shown, 1, 1, INCOMPLETE, message)
        yield Result(Audited(place.name, graded([item], policy)), place)


def _results(places: Sequence[Place], policy: Mapping[str, str], jobs: int) -> Iterator[Result]:
    with ProcessPoolExecutor(jobs, initializer=_worker, initargs=(os.getpid(),)) as pool:
        try:
            chunks = [places[first : first + CHUNK] for first in range(0, len(places), CHUNK)]
            for future in [pool.submit(_audited, chunk, policy) for chunk in chunks]:
                while not wait([future], POLL).done:
                    _raise_if_interrupted()
                yield from future.result()
                _raise_if_interrupted()
        finally:
            pool.shutdown(cancel_futures=True)


def _worker(parent: int) -> None:
    """End when the parent does: nothing else tells a pool's process that it was killed."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # syntax trees are many objects that die together

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interruptible_between_results() -> Iterator[None]:
    """An interrupt that strikes inside a pool can leave it hanging, so it waits; workers never see it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _raise_if_interrupted() -> None:
    if signal.SIGINT in signal.sigpending():
        signal.sigwait({signal.SIGINT})
        raise KeyboardInterrupt


def _audited(places: Sequence[Place], policy: Mapping[str, str]) -> list[Result]:
    return [_audited_one(place, policy) for place in places]


def _audited_one(place: Place, policy: Mapping[str, str]) -> Result:
    folder = TaskFolder(place.path, place.shown)
    audited = replace(audit(folder, policy), task=place.name)
    texts = folder.instruction_texts
    told = "\n".join(text.text for text in texts)[:TEXT_LIMIT]
    return Result(audited, place, told, texts[0].path if texts else "", declared_difficulty(folder))


def duplicates(results: Sequence[Result], pairs: Iterable[Pair]) -> dict[str, list[Diagnostic]]:
    """What to say of pairs of tasks that resemble each other, by the path of the task; each pair at both."""
    by_path = {item.place.shown: item for item in results}
    found: dict[str, list[Diagnostic]] = {}
    for pair in pairs:
        rule = "task-near-duplicate" if pair.score >= REVIEWED else "task-similar"
        for one, other in ((pair.a, pair.b), (pair.b, pair.a)):
            text = f"reads like `{by_path[other].place.shown}`: similarity {pair.score:.2f}"
            found.setdefault(one, []).append(_at(by_path[one], rule, text))
    return found


def contaminated(results: Sequence[Result], pairs: Iterable[Pair]) -> dict[str, list[Diagnostic]]:
    """What to say of tasks that resemble a text of a corpus, by the path of the task."""
    by_path = {item.place.shown: item for item in results}
    found: dict[str, list[Diagnostic]] = {}
    for pair in pairs:
        rule = "task-contaminated" if pair.score >= REVIEWED else "task-similar"
        text = f"reads like `{pair.b}` of the corpus: similarity {pair.score:.2f}"
        found.setdefault(pair.a, []).append(_at(by_path[pair.a], rule, text))
    return found


def _at(result: Result, rule: str, message: str) -> Diagnostic:
    return Diagnostic(f"{result.place.shown}/{result.instruction_file}".rstrip("/"), 1, 1, rule, message)


def with_findings(
    results: Sequence[Result], found: Mapping[str, Sequence[Diagnostic]], policy: Mapping[str, str]
) -> list[Result]:
    """The results with more findings, by the path of the task."""
    more = {path: graded(items, policy) for path, items in found.items()}
    return [
        item._replace(audited=replace(item.audited, read=tuple(sorted({*item.audited.read, *more[item.place.shown]}))))
        if item.place.shown in more
        else item
        for item in results
    ]


def uniform_difficulty(results: Sequence[Result]) -> str | None:
    """The difficulty that every task of a set of some size declares; None when they differ."""
    declared = {item.difficulty for item in results}
    return declared.pop() if len(results) >= UNIFORM and len(declared) == 1 else None
