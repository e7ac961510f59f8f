"""Logs on their way into the workspace: read in batches, each attempt written whole or not at all.

An import that was interrupted goes on where it stopped: what is there already is known by its bytes and skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import groupby
from os.path import commonpath
from pathlib import Path

from assay.aliases import choose
from assay.contents import content_hash
from assay.documents import read, validate
from assay.errors import UsageError
from assay.importers import Imported, ImportFailed, ImportReport, registry
from assay.importers.building import ATTEMPT
from assay.importers.harbor import Trial, Wanted, is_harbor
from assay.importers.harbor import read as read_harbor
from assay.masking.imports import HINT, judge
from assay.model.identity import Identity
from assay.model.reported import Reported
from assay.model.settings import MaskPolicy
from assay.model.task import TaskFile
from assay.reported import add as add_reported
from assay.reported import known as known_reported
from assay.sealing.identities import add, known
from assay.storage import as_json, place_whole
from assay.workspace import IMPORTED

_BATCH = 25
"""Logs that are read before they are written: few enough to lose little, enough to write identities seldom."""


@dataclass(frozen=True)
class Ready:
    """An attempt that was read, and what will be written."""

    source: Path
    format: str
    trajectory: bytes
    identity: Identity
    report: ImportReport
    files: frozenset[Path]
    tests: Mapping[str, bytes] = field(default_factory=dict)
    """Reports and logs of a trial, by path."""
    label: str = ""
    patch: str = ""
    reported: Reported | None = None

    @property
    def name(self) -> str:
        """The log's, and which attempt in it."""
        return f"{self.source.name}{f' ({self.label})' if self.label else ''}"

    @property
    def contents(self) -> dict[str, bytes]:
        """What is written of it, by path."""
        patch = {f"patches/{IMPORTED}.patch": self.patch.encode()} if self.patch else {}
        return {"trajectory.json": self.trajectory, **patch, **self.tests}

    @property
    def origin(self) -> tuple[str, str | None]:
        """The same for the same attempt in the same bytes."""
        return self.identity.source_sha256, self.identity.extra.get(ATTEMPT)


@dataclass
class Intake:
    """One call of `assay import`. What a person should know while it runs goes to `remarks`."""

    root: Path
    task: str
    form: str | None = None
    only: str | None = None
    """A pattern for the labels of attempts, where a log has several."""
    alias: str | None = None
    policy: MaskPolicy = field(default_factory=MaskPolicy)
    remarks: list[str] = field(default_factory=list)
    failures: list[ImportFailed] = field(default_factory=list)
    """Logs that could not be read; the others are imported all the same."""
    _owed: dict[str, Reported] = field(default_factory=dict)
    """Results of attempts that are there already; an interruption may have kept them from being written."""

    def batch(self, logs: Sequence[Path]) -> dict[str, Ready]:
        """Read logs that may belong together, and write what is new of them. Returns it by alias."""
        found = [item for log in logs for item in self._read(log)]
        fresh = list(self._masked(self._new(list(self._wholes(found)))))
        if self.alias is not None and len(fresh) > 1:
            hint = "import them one by one, or choose with `--only`"
            raise UsageError("one-alias", f"`--alias` names one attempt, found {len(fresh)} logs", hint)
        taken = {*known(self.root, self.task).identities, *known_reported(self.root, self.task)}
        ready = dict(zip(choose(self.root, self.task, self.alias, len(fresh), taken), fresh, strict=True))
        add(self.root, self.task, {alias: item.identity for alias, item in ready.items()})
        for alias, item in ready.items():  # who made it is noted by now: without that it would be lost to the study
            place_whole(self.root / "trajectories" / self.task / alias, item.contents)
        said = {alias: item.reported for alias, item in ready.items() if item.reported}
        add_reported(self.root, self.task, {**self._owed, **said})
        return ready

    def _read(self, log: Path) -> list[Ready]:
        try:
            if log.is_dir() and is_harbor(log):
                return list(self._trials(log))
            form, attempts = registry().read(log, self.form)
            return [_ready(log, form, attempt) for attempt in self._chosen(log, attempts)]
        except ImportFailed as error:
            self.failures.append(error)
            return []

    def _chosen(self, log: Path, attempts: Sequence[Imported]) -> Sequence[Imported]:
        if self.only is not None:
            return [item for item in attempts if fnmatchcase(item.label, self.only) or not item.label]
        if len(attempts) > 1:
            names = ", ".join(f"`{item.label}`" for item in attempts[:5]) + (", …" if len(attempts) > 5 else "")
            message = f"{log}: holds {len(attempts)} attempts, maybe at several tasks: {names}"
            hint = f"choose those at `{self.task}` with `--only PATTERN`; `--only '*'` takes all"
            raise ImportFailed(message, hint)
        return attempts

    def _trials(self, folder: Path) -> Iterator[Ready]:
        """The trials of a Harbor job; which ones are left out, and why, is remarked."""
        if self.form is not None:
            raise UsageError("folder-format", f"{folder}: `--format` is for log files, found a folder", "leave it away")
        found = read_harbor(folder, _wanted(self.root, self.task))
        trials = [item for item in found if isinstance(item, Trial)]
        self.remarks.append(f"{folder}: {len(trials)} of {len(found)} trials are imported")
        left = (item for item in found if not isinstance(item, Trial))
        self.remarks += (f"{item.folder}: not imported: {item.reason}" for item in left)
        if not trials:
            raise ImportFailed(f"{folder}: holds no trial of `{self.task}` with a trajectory")
        for trial in trials:
            tests = {f"tests/{name}.json": as_json(report) for name, report in trial.reports.items()}
            logs = {f"tests/{name}.log": log for name, log in trial.logs.items()}
            yield _ready(trial.folder, "harbor", trial.imported, tests | logs)

    def _wholes(self, found: Sequence[Ready]) -> Iterator[Ready]:
        """Without logs that went into another one."""
        for item in found:
            mine = item.source.resolve()
            others = [other for other in found if other.source.resolve() != mine]
            whole = next((other for other in others if mine in other.files), None)
            if whole is None or whole.source.resolve() in item.files:
                yield item
            else:
                self.remarks.append(f"{item.source}: is part of {whole.source}, not imported on its own")

    def _masked(self, found: Sequence[Ready]) -> Iterator[Ready]:
        """Without attempts that still tell who made them; what only may tell is noted."""
        for item in found:
            verdict = judge(item.contents, self.task, item.identity, self.policy)
            if verdict.refusal:
                self.failures.append(ImportFailed(f"{item.source.parent / item.name}: {verdict.refusal}", HINT))
            else:
                notes = (*item.report.notes, *verdict.residual)
                yield replace(item, report=replace(item.report, notes=notes))

    def _new(self, found: Sequence[Ready]) -> list[Ready]:
        """Without what is there already: the same bytes twice would count one attempt twice."""
        there = {
            (identity.source_sha256, identity.extra.get(ATTEMPT)): alias
            for alias, identity in known(self.root, self.task).identities.items()
            if (self.root / "trajectories" / self.task / alias).exists()
        }
        fresh = []
        for item in found:
            if item.origin in there:
                self.remarks.append(f"{item.source}: is the same log as `{there[item.origin]}`, not imported again")
                self._owed |= {there[item.origin]: item.reported} if item.reported else {}
            else:
                there[item.origin] = str(item.source)
                fresh.append(item)
        return fresh


def batches(logs: Sequence[Path], least: int = _BATCH) -> Iterator[list[Path]]:
    """Logs in groups that are written at once. What may refer to each other comes together.

    That are namesakes up to the first dot, and what lies below a folder of such a name.
    """
    parents = [str(log.resolve().parent) for log in logs]
    common = Path(commonpath(parents)) if parents else Path()

    def key(log: Path) -> str:
        return log.resolve().relative_to(common).parts[0].partition(".")[0]

    batch: list[Path] = []
    for _, group in groupby(sorted(logs, key=lambda log: (key(log), str(log))), key):
        batch += group
        if len(batch) >= least:
            yield batch
            batch = []
    if batch:
        yield batch


def _ready(source: Path, form: str, imported: Imported, tests: Mapping[str, bytes] | None = None) -> Ready:
    return Ready(
        source=source,
        format=form,
        trajectory=as_json(imported.trajectory, nulls=False),
        identity=imported.identity,
        report=imported.report,
        files=frozenset(file.resolve() for file in imported.files),
        tests=tests or {},
        label=imported.label,
        patch=imported.patch,
        reported=imported.reported,
    )


def _wanted(root: Path, task: str) -> Wanted:
    path = f"tasks/{task}/task.toml"
    document, _ = read(root / path, path)
    file = validate(document, TaskFile)[0] if document else None
    if file is None:
        raise UsageError("task-unreadable", f"{path} is not valid, so no results can be read", "run `assay check`")
    return Wanted(task, file, content_hash(root / "tasks" / task))
