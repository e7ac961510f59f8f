"""Results as benchmarks write them: SWE-bench and SWE-bench Pro, and runs of Terminal-Bench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay.importers.source import Node, Source
from assay.importers.table_rows import Notes, Reader, Row, reported
from assay.importers.terminal_bench_outcomes import is_trial
from assay.importers.terminal_bench_outcomes import reported as of_trial

_REPORT = ("tests_status", "patch_successfully_applied")
_IDS: Mapping[str, tuple[bool | None, str]] = {
    "resolved_ids": (True, ""),
    "unresolved_ids": (False, ""),
    "empty_patch_ids": (False, "There was no patch."),
    "error_ids": (None, "The tests could not be run."),
    "incomplete_ids": (None, "It was never run."),
}
"""Keys of a whole run's report."""


def reader(data: Any, *, trials: bool) -> tuple[str, Reader] | None:
    """Name and reader of a document's format; `trials` says whether one trial of Terminal-Bench is a table too."""
    if trials and is_trial(data):
        return "terminal-bench", _run
    if not isinstance(data, dict) or not data:
        return None
    results = data.get("results")
    if isinstance(results, list) and results and all(map(is_trial, results)):
        return "terminal-bench", _run
    if all(isinstance(value, bool) for value in data.values()):
        return "swe-bench-pro", _verdicts
    if isinstance(data.get("resolved_ids"), list):
        return "swe-bench-run", _ids
    if _is_report(data) or all(map(_is_report, data.values())):
        return "swe-bench", _reports
    return None


def _is_report(data: Any) -> bool:
    return isinstance(data, dict) and "resolved" in data and any(key in data for key in _REPORT)


def _place(node: Node) -> str:
    return f"{node.source.path}:{node.source.position(node.loc).line}"


def _verdicts(source: Source, _: Notes) -> Iterator[Row]:
    for task, value in source.root.mapping().value.items():
        yield Row(str(source.path), task, reported(str(source.path), value))


def _ids(source: Source, notes: Notes) -> Iterator[Row]:
    root, seen = source.root, set[str]()
    for key, (resolved, reason) in _IDS.items():
        member = root.get(key)
        for task in member.value if member and isinstance(member.value, list) else ():
            if isinstance(task, str) and task not in seen:
                seen.add(task)
                yield Row(str(source.path), task, reported(str(source.path), resolved, reason=reason))


def _reports(source: Source, notes: Notes) -> Iterator[Row]:
    root = source.root
    if _is_report(root.value):
        yield _report(root, None, notes)
        return
    for task in root.value:
        if node := root.object(task):
            yield _report(node, task, notes)


def _report(node: Node, task: str | None, notes: Notes) -> Row:
    """Of the tests that passed before as well only those that fail now are kept: there may be thousands."""
    status = node.object("tests_status")
    wanted = status.object("FAIL_TO_PASS") if status else None
    tests = [{"name": name, "status": "passed", "seconds": 0} for name in _names(wanted, "success")]
    failed = [*_names(wanted, "failure"), *_names(status.object("PASS_TO_PASS") if status else None, "failure")]
    tests += [{"name": name, "status": "failed", "seconds": 0} for name in failed]
    if status and not tests and node.flag("resolved"):
        notes.lines.append(f"{task or 'it'} is called resolved, but no test had to change from failing to passing")
    applied = node.get("patch_successfully_applied")
    reason = "" if applied is None or node.flag("patch_successfully_applied") else "The patch could not be applied."
    return Row(_place(node), task, reported(_place(node), node.flag("resolved"), tests=tests, reason=reason))


def _names(group: Node | None, key: str) -> list[str]:
    names = group.get(key) if group else None
    if names is None:
        return []
    if not isinstance(names.value, list) or not all(isinstance(name, str) and name for name in names.value):
        names.fail("a list of test names")
    return list(names.value)


def _run(source: Source, notes: Notes) -> Iterator[Row]:
    root = source.root
    beside = source.beside("run_metadata.json")
    run = beside.root.mapping() if beside else None
    agent = (run.text("agent_name") or run.text("agent")) if run else None
    model = (run.text("model_name") or run.text("model")) if run else None
    for trial in [root] if is_trial(root.value) else root.items("results"):
        name = trial.get("task_id")
        yield Row(
            _place(trial),
            str(name.value) if name else None,
            of_trial(trial),
            agent=agent,
            model=model,
            trial=trial.text("trial_name") or trial.text("id") or trial.text("uuid"),
        )


def trials_below(folder: Source, notes: Notes) -> Iterator[Row]:
    """The trials of a run of Terminal-Bench, from the run's own record where it is there."""
    own = folder.beside("results.json")
    files = [own] if own else folder.inside("**/results.json")
    for file in files:
        if reader(file.peek(), trials=True) == ("terminal-bench", _run):
            yield from _run(file, notes)
