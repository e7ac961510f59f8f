"""Folders of Harbor jobs and trials (Harbor 0.24): each trial's ATIF log, and what its tests said.

A trial that Harbor ran comes without evidence of its isolation, so there is no session for it: its outcome is that of
its test reports, which name no image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from assay.bounded import LOG_LIMIT, Bounded
from assay.importers.atif import read_parts
from assay.importers.contract import Imported
from assay.importers.harbor_outcomes import Graded, Phase, report
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.model.outcome import TestReport
from assay.model.task import TaskFile

RESULT = "result.json"
TRAJECTORY = "agent/trajectory.json"
_REPORTS = ("ctrf.json", "junit.xml")


@dataclass(frozen=True)
class Wanted:
    """The task whose trials are looked for; `content_sha256` is Harbor's content hash of its folder as it is now."""

    id: str
    file: TaskFile
    content_sha256: str


@dataclass(frozen=True)
class Trial:
    """A trial with its log, and its test reports and masked test logs by milestone."""

    folder: Path
    imported: Imported
    reports: Mapping[str, TestReport]
    logs: Mapping[str, bytes]


@dataclass(frozen=True)
class Left:
    """A trial that is not imported, and why."""

    folder: Path
    reason: str


def read(folder: Path, task: Wanted) -> list[Trial | Left]:
    """The trials of a job, or the one whose folder this is. Raises ImportFailed when it is neither."""
    if _is_trial(folder):
        return [_trial(folder, task)]
    begun = [child for child in sorted(folder.iterdir()) if child.is_dir() and (child / "config.json").is_file()]
    if not any(map(_is_trial, begun)):
        hint = f"a trial has {RESULT} with `trial_name`; a job has one folder for each of its trials"
        raise ImportFailed(f"{folder}: must be the folder of a Harbor job or trial; found no trial that ended", hint)
    return [_trial(child, task) if _is_trial(child) else Left(child, "it never ended") for child in begun]


def is_harbor(folder: Path) -> bool:
    """Whether it looks like the folder of a job or a trial."""
    return _is_trial(folder) or any((child / "config.json").is_file() for child in folder.iterdir() if child.is_dir())


def _is_trial(folder: Path) -> bool:
    data = Source(folder / RESULT).peek()
    return isinstance(data, dict) and "trial_name" in data


def _trial(folder: Path, task: Wanted) -> Trial | Left:
    """One that cannot be read does not keep the others of its job from being imported."""
    result = Source(folder / RESULT)
    try:
        name = _task_of(result.root)
        if name not in (task.id, task.file.task.name):
            return Left(folder, f"its task is `{name}`")
        graded = list(_graded(result.root, task.file.milestones))
        least = {step.name: step.min_reward for step in task.file.steps}
        reports = {item.milestone: report(item, least[item.milestone]) for item in graded}
        logs = list(_logs(result))
        if not logs:
            reasons = dict.fromkeys(f"{item.outcome}: {item.reason}".rstrip(": ") for item in reports.values())
            return Left(folder, f"it has no trajectory ({'; '.join(reasons) or 'it reached no milestone'})")
        return _imported(result, logs, graded, reports, list(_remarks(result, graded, task)))
    except ImportFailed as error:
        return Left(folder, error.message.removeprefix(f"{folder}/"))


def _task_of(trial: Node) -> str:
    """The package name of a task, or the name of its folder when it has none."""
    name, path = trial.text("task_name") or "unknown", _text(trial.object("task_id"), "path")
    return Path(path).name if path and "/" not in name else name


def _graded(trial: Node, milestones: Sequence[str]) -> Iterator[Graded]:
    """What the trial says of the milestones that it reached, in order."""
    steps = {step.text("step_name") or "": step for step in trial.items("step_results")}
    if foreign := [name for name in steps if name not in milestones]:
        raise ImportFailed(f"its step `{foreign[0]}` is no milestone of the task as it is now")
    yield from (_of(steps[name], name, f"steps/{name}/verifier") for name in milestones if name in steps)
    open_ = [name for name in milestones if name not in steps]
    if not steps and len(milestones) == 1:
        yield _of(trial, milestones[0], "verifier")
    elif not steps and trial.object("verifier_result"):
        raise ImportFailed(f"it has one result for the whole task, which has {len(milestones)} milestones now")
    elif open_ and trial.object("exception_info"):
        yield replace(_of(trial, open_[0], f"steps/{open_[0]}/verifier"), rewards=None)


def _of(part: Node, milestone: str, verifier: str) -> Graded:
    rewards = _object(part.object("verifier_result"), "rewards")
    exception = _text(part.object("exception_info"), "exception_type")
    sources = {name: part.source.beside(f"{verifier}/{name}") for name in _REPORTS}
    files = {name: source.content for name, source in sources.items() if source}
    seconds = _seconds(part.object("verifier"))
    return Graded(milestone, rewards.value if rewards else None, exception, _begun(part), seconds, files)


def _begun(part: Node) -> Phase:
    if part.object("verifier"):
        return "verifier"
    return "agent" if part.object("agent_execution") or part.object("agent_setup") else "environment"


def _seconds(timing: Node | None) -> float:
    try:
        start, end = (datetime.fromisoformat(_text(timing, key) or "") for key in ("started_at", "finished_at"))
        return max(0.0, round((end - start).total_seconds(), 3))
    except (ValueError, TypeError):  # not there, not a time, or only one of the two with a zone
        return 0.0


def _logs(result: Source) -> Iterator[tuple[Source, str | None]]:
    """The trial's ATIF log, or those of its steps with their names."""
    if whole := result.beside(TRAJECTORY):
        yield whole, None
        return
    for step in result.root.items("step_results"):
        name = step.text("step_name")
        if part := result.beside(f"steps/{name}/{TRAJECTORY}"):
            yield part, name


def _remarks(result: Source, graded: Sequence[Graded], task: Wanted) -> Iterator[str]:
    """What a reader of the trajectory has to know of the trial; nothing that tells who acted."""
    yield "The trial was run by Harbor: its isolation is not shown, and its result cannot be tested again."
    lock = result.beside("lock.json")
    digest = _text(lock.root.object("task"), "digest") if lock and isinstance(lock.peek(), dict) else None
    if digest is None:
        yield "Which version of the task it was is not recorded."
    elif digest.removeprefix("sha256:") != task.content_sha256:
        yield "It was run on another version of the task than the one that is here."
    yield from (f"`{item.milestone}`: {words}." for item in graded if (words := item.cause[1]))
    reached = {item.milestone for item in graded}
    if missed := [f"`{name}`" for name in task.file.milestones if name not in reached]:
        yield f"Milestones that it did not reach, and that were not tested: {', '.join(missed)}."


def _imported(
    result: Source,
    logs: Sequence[tuple[Source, str | None]],
    graded: Sequence[Graded],
    reports: Mapping[str, TestReport],
    remarks: Sequence[str],
) -> Trial:
    trial, who = result.root, _Who(result.root)
    imported, mask = read_parts(logs, who.names, remarks)
    texts = {name: _masked(result, f"steps/{name}/verifier", mask) for name in reports}
    if len(texts) == 1 and not trial.items("step_results"):
        texts = {name: _masked(result, "verifier", mask) for name in reports}
    said = {name: text for name, text in texts.items() if text is not None}
    known = {
        name: item.model_copy(update={"log_sha256": hashlib.sha256(said[name]).hexdigest()}) if name in said else item
        for name, item in reports.items()
    }
    exceptions = {f"exception of {item.milestone}": item.exception for item in graded if item.exception}
    update = {"agent": who.agent, "version": who.version, "model": who.model, "source_format": "harbor"}
    extra = {**imported.identity.extra, "trial": trial.text("trial_name") or "", **exceptions}
    identity = imported.identity.model_copy(update={**update, "extra": extra})
    return Trial(result.path.parent, replace(imported, identity=identity), known, said)


def _masked(result: Source, verifier: str, mask: Mask) -> bytes | None:
    """What the tests printed, bounded and without names."""
    source = result.beside(f"{verifier}/test-stdout.txt")
    if source is None:
        return None
    log = Bounded(LOG_LIMIT)
    log.add(mask.traffic(source.content.decode(errors="replace")).encode())
    return log.value()


class _Who:
    """What the trial's record gives away about its maker."""

    def __init__(self, trial: Node) -> None:
        info, config = trial.object("agent_info"), trial.object("config")
        model, asked = _object(info, "model_info"), _object(config, "agent")
        name, vendor = _text(model, "name"), _text(model, "provider")
        self.agent = _text(info, "name") or "unknown"
        self.version = _text(info, "version")
        self.model = "/".join(filter(None, (vendor, name))) or None
        self.names = Names(
            agents=frozenset(filter(None, (_text(info, "name"), _text(asked, "name")))),
            models=frozenset(filter(None, (self.model, name, _text(asked, "model_name")))),
            vendors=frozenset(filter(None, (vendor,))),
            users=users_in(trial.text("trial_uri")),
        )


def _object(node: Node | None, key: str) -> Node | None:
    return node.object(key) if node else None


def _text(node: Node | None, key: str) -> str | None:
    return node.text(key) if node else None
