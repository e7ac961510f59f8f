"""The data repository, loaded. Everything after this module works on these values, never on files.

A file that cannot be read or does not fit its model becomes diagnostics, and is absent from the loaded records.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from assay import kinds
from assay.diagnostics import Diagnostic, Position, Severity
from assay.documents import Document, parse, read, validate
from assay.errors import UsageError
from assay.kinds import Kind, R
from assay.model.settings import Settings

if TYPE_CHECKING:
    from assay.model.adjudication import Adjudication
    from assay.model.annotation import Annotation
    from assay.model.calibration import Calibration
    from assay.model.escalation import Escalation
    from assay.model.outcome import Outcome, Proof, TestReport
    from assay.model.people import People
    from assay.model.reported import Reported, ReportedResults
    from assay.model.review import Review
    from assay.model.rubric import Rubric
    from assay.model.run import RecordedRun
    from assay.model.sealed import Commitments, Opening
    from assay.model.seals import AnnotationReveal, AnnotationSeal
    from assay.model.session import Session
    from assay.model.task import TaskFile
    from assay.model.trajectory import Step, Trajectory
    from assay.model.user import SimulatedUser

SETTINGS = "assay.toml"
PROOFS = ".assay/replays"
"""Where replays leave their evidence; never committed, never overwritten."""


IMPORTED = "imported"
"""Instead of a milestone's name: the patch that a log ended with, made against something that nobody knows."""


@dataclass(frozen=True)
class Entry(Generic[R]):
    """A valid record and the document it came from, for positions."""

    record: R
    document: Document

    @property
    def path(self) -> str:
        """Workspace-relative path of the file."""
        return self.document.path


@dataclass(frozen=True)
class Task:
    """`tasks/<id>/`."""

    id: str
    folder: Path
    path: str
    file: Entry[TaskFile] | None
    rubric: Entry[Rubric] | None
    user: Entry[SimulatedUser] | None
    proof: Proof | None
    """The newest replay on this machine, when there was one."""
    calibration: Entry[Calibration] | None = None

    def text(self, name: str) -> str:
        """A text file of the task, such as README.md; empty when it is not there."""
        file = self.folder / name
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    @property
    def milestones(self) -> tuple[str, ...]:
        """Milestone names in order; empty when task.toml is invalid."""
        return self.file.record.milestones if self.file else ()


@dataclass(frozen=True)
class Attempt:
    """`trajectories/<task>/<alias>/`: a trajectory with its session, patches and test reports."""

    task: str
    alias: str
    folder: Path
    path: str
    trajectory: Entry[Trajectory] | None
    session: Entry[Session] | None
    reports: Mapping[str, Entry[TestReport]]
    """By milestone."""
    patches: Mapping[str, str]
    """Patch text by milestone, each against the image's work tree; the last one is the result."""
    logs: Mapping[str, str]
    """Test log by milestone."""
    reported: Reported | None = None
    """What somebody else's run says of it."""

    @property
    def outcome(self) -> Outcome | None:
        """What the session says, except that nothing is scored in which the agent took no step.

        An environment that failed comes before the agent, as in the lattice. Without a session it is what an import
        knows of the tests, or None.
        """
        stated = self.session.record.predicate.outcome if self.session else self._imported_outcome
        if self.trajectory is None or stated == "invalid-environment" or any(map(_acts, self.trajectory.record.steps)):
            return stated
        return "invalid-agent"

    @cached_property
    def is_imported(self) -> bool:
        """Whether nothing shows where it was run: no session, no patch but the log's own, no report naming an image."""
        images = [entry.record.image for entry in self.reports.values()]
        recorded = (self.folder / "session.json").exists() or any(name != IMPORTED for name in self.patches)
        return not recorded and not any(images)

    @property
    def is_dry_run(self) -> bool:
        """Whether a scripted policy acted: that shows how task and harness behave, and nothing about a model."""
        return self.session is not None and self.session.record.predicate.kind == "policy"

    @property
    def _imported_outcome(self) -> Outcome | None:
        from assay.model.outcome import ORDER

        found = {entry.record.outcome for entry in self.reports.values()} if self.is_imported else set()
        if self.is_imported and not found and self.reported:
            return self.reported.outcome
        return next((outcome for outcome in ORDER if outcome in found), None)

    @property
    def is_invalid(self) -> bool:
        """Whether it is known that the attempt carries no grade: it is no failure, and in no rate and no ranking."""
        from assay.model.outcome import is_valid

        return self.outcome is not None and not is_valid(self.outcome)


def _acts(step: Step) -> bool:
    return step.source == "agent" and bool(step.tool_calls or step.reasoning_content or step.text.strip())


@dataclass(frozen=True)
class Sheet:
    """`annotations/<task>/<annotator>.yaml`; `task` and `annotator` are what the path says."""

    task: str
    annotator: str
    path: str
    entry: Entry[Annotation] | None


@dataclass(frozen=True)
class Workspace:
    """All records, and what was wrong with the files they came from."""

    root: Path
    settings: Settings
    tasks: Mapping[str, Task]
    attempts: Mapping[str, Mapping[str, Attempt]]
    """By task id, then alias."""
    sheets: tuple[Sheet, ...]
    drafts: tuple[Sheet, ...]
    """Annotations on this machine that are not revealed: checked by the rules, and in nothing else."""
    judges: tuple[Sheet, ...]
    """Annotations by programs: compared with people's, and in no other number."""
    seals: tuple[Entry[AnnotationSeal], ...]
    reveals: tuple[Entry[AnnotationReveal], ...]
    runs: tuple[Entry[RecordedRun], ...]
    """What annotators ran themselves, cited as `run:NN`."""
    reviews: tuple[Entry[Review], ...]
    adjudications: tuple[Entry[Adjudication], ...]
    escalations: Mapping[str, tuple[Entry[Escalation], ...]]
    """By the task in whose folder they lie, in the order of their names."""
    commitments: Mapping[str, Entry[Commitments]]
    """Promises about who made the trajectories, by task."""
    openings: Mapping[str, Entry[Opening]]
    """Identities that were published, by task."""
    reported: Mapping[str, Entry[ReportedResults]]
    """Results without evidence, by task: of attempts above, and of others of which nothing else is known."""
    people: Entry[People] | None
    guidelines: int | None
    """Version of annotations/guidelines.md."""
    diagnostics: tuple[Diagnostic, ...]
    documents: Mapping[str, Document] = field(repr=False)
    wanted: Callable[[str], bool] = lambda path: True
    """On which paths findings are asked for; what judges files one by one leaves out the others."""

    def task(self, name: str) -> Task:
        """The task a person named; an unknown one is a usage error that lists the known."""
        if name not in self.tasks:
            raise unknown_task(name, self.tasks)
        return self.tasks[name]

    def attempt(self, task: str, alias: str) -> Attempt | None:
        """One attempt by task id and alias."""
        return self.attempts.get(task, {}).get(alias)

    def quarantined(self, task: str) -> tuple[Entry[Escalation], ...]:
        """The blocking escalations of a task that are not over: while there is one, it is in no ranking and no
        calibration."""
        return tuple(entry for entry in self.escalations.get(task, ()) if entry.record.is_holding)

    def counts(self) -> str:
        """One line for a person: how much was loaded."""
        numbers = (
            (len(self.tasks), "task", "tasks"),
            (sum(map(len, self.attempts.values())), "trajectory", "trajectories"),
            (len(self.sheets), "annotation", "annotations"),
        )
        return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in numbers)


def unknown_task(name: str, known: Iterable[str]) -> UsageError:
    """What to say of a task that is not there."""
    listed = ", ".join(f"`{task}`" for task in known) or "none"
    return UsageError("unknown-task", f"there is no task `{name}`", f"tasks of this workspace: {listed}")


def demand_settings(workspace: Workspace) -> None:
    """Raises UsageError when assay.toml is broken: to go on would be to go by defaults that nobody chose."""
    for found in workspace.diagnostics:
        if found.path == SETTINGS and found.severity is Severity.ERROR:
            message = f"{found.path}:{found.line}:{found.column}: {found.message}"
            raise UsageError("settings-unreadable", message, found.hint or "`assay check` says what is wrong with it")


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds assay.toml."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / SETTINGS).is_file():
            return folder
    message = f"no {SETTINGS} here or above; {start} is not in an Assay workspace"
    raise UsageError("no-workspace", message, "run `assay init DIR` to make one, or change into one")


def load(root: Path, attempts_of: Container[str] | None = None) -> Workspace:
    """Read every file of the workspace at `root`; problems become diagnostics.

    With `attempts_of`, trajectories of other tasks are left out: enough to judge what stands in the annotations of
    these, and most of what there is to read.
    """
    return _Loader(root, attempts_of).workspace()


class _Loader:
    """Collects diagnostics while it reads."""

    def __init__(self, root: Path, attempts_of: Container[str] | None) -> None:
        self.root = root
        self.attempts_of = attempts_of
        self.diagnostics: list[Diagnostic] = []
        self.documents: dict[str, Document] = {}

    def workspace(self) -> Workspace:
        settings = self.entry(self.root / SETTINGS, kinds.SETTINGS)
        reported = self.by_task("reported.json", kinds.REPORTED)
        return Workspace(
            root=self.root,
            settings=settings.record if settings else Settings(format=1),
            tasks={folder.name: self.task(folder) for folder in self.folders("tasks")},
            attempts={
                folder.name: {child.name: self.attempt(folder.name, child, reported) for child in _folders(folder)}
                for folder in self.folders("trajectories")
                if self.attempts_of is None or folder.name in self.attempts_of
            },
            sheets=tuple(self.sheets("*.yaml")),
            drafts=tuple(self.sheets("drafts/*.yaml")),
            judges=tuple(self.sheets("judges/*.yaml")),
            seals=self.beside("*.seal.json", kinds.SEAL),
            reveals=self.beside("*.reveal.json", kinds.REVEAL),
            runs=self.beside("evidence/*/*.json", kinds.RUN),
            reviews=self.beside("reviews/*.yaml", kinds.REVIEW),
            adjudications=self.beside("adjudication.yaml", kinds.ADJUDICATION),
            escalations={at.name: self.escalations(at) for at in self.folders("annotations")},
            commitments=self.by_task("commitments.json", kinds.COMMITMENTS),
            openings=self.by_task("opening.json", kinds.OPENING),
            reported=reported,
            people=self.optional(self.root / "annotations/people.yaml", kinds.PEOPLE),
            guidelines=self.guidelines(),
            diagnostics=tuple(self.diagnostics),
            documents=self.documents,
        )

    def folders(self, name: str) -> list[Path]:
        return _folders(self.root / name)

    def path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def entry(self, file: Path, kind: Kind[R]) -> Entry[R] | None:
        """The record in `file`; a missing file is a diagnostic too."""
        document, found = read(file, self.path(file))
        self.diagnostics += found
        if document is None:
            return None
        self.documents[document.path] = document
        record, found = validate(document, kind.model)
        self.diagnostics += found
        return Entry(record, document) if record is not None else None

    def by_task(self, name: str, kind: Kind[R]) -> dict[str, Entry[R]]:
        """Files beside the trajectories of a task."""
        found = {folder.name: self.optional(folder / name, kind) for folder in self.folders("trajectories")}
        return {task: entry for task, entry in found.items() if entry}

    def optional(self, file: Path, kind: Kind[R]) -> Entry[R] | None:
        return self.entry(file, kind) if file.exists() else None

    def task(self, folder: Path) -> Task:
        return Task(
            id=folder.name,
            folder=folder,
            path=self.path(folder),
            file=self.entry(folder / "task.toml", kinds.TASK),
            rubric=self.entry(folder / "rubric.yaml", kinds.RUBRIC),
            user=self.optional(folder / "user.yaml", kinds.USER),
            proof=self.proof(folder.name),
            calibration=self.optional(folder / "calibration.json", kinds.CALIBRATION),
        )

    def proof(self, task: str) -> Proof | None:
        """The newest readable proof; an unreadable one is local debris, not a defect of the data."""
        for file in sorted((self.root / PROOFS / task).glob("*/replay.json"), reverse=True):
            document, _ = read(file, self.path(file))
            record = validate(document, kinds.PROOF.model)[0] if document else None
            if record:
                return record
        return None

    def attempt(self, task: str, folder: Path, reported: Mapping[str, Entry[ReportedResults]]) -> Attempt:
        reports = {}
        for file in sorted((folder / "tests").glob("*.json")):
            entry = self.entry(file, kinds.REPORT)
            if entry:
                reports[file.stem] = entry
        return Attempt(
            task=task,
            alias=folder.name,
            folder=folder,
            path=self.path(folder),
            trajectory=self.entry(folder / "trajectory.json", kinds.TRAJECTORY),
            session=self.optional(folder / "session.json", kinds.SESSION),
            reports=reports,
            patches=_texts(folder / "patches", "*.patch"),
            logs=_texts(folder / "tests", "*.log"),
            reported=reported[task].record.attempts.get(folder.name) if task in reported else None,
        )

    def sheets(self, pattern: str) -> Iterator[Sheet]:
        for folder in self.folders("annotations"):
            for file in sorted(folder.glob(pattern)):
                revealed = file.parent != folder and (folder / f"{file.stem}.reveal.json").exists()
                if file.stem != "adjudication" and not revealed:
                    yield Sheet(folder.name, file.stem, self.path(file), self.entry(file, kinds.ANNOTATION))

    def beside(self, pattern: str, kind: Kind[R]) -> tuple[Entry[R], ...]:
        """Files beside the annotations of a task."""
        return tuple(entry for at in self.folders("annotations") for entry in self.of(at.glob(pattern), kind))

    def of(self, files: Iterable[Path], kind: Kind[R]) -> list[Entry[R]]:
        return [entry for file in sorted(files) if (entry := self.entry(file, kind))]

    def escalations(self, folder: Path) -> tuple[Entry[Escalation], ...]:
        return tuple(self.of((folder / "escalations").glob("*.yaml"), kinds.ESCALATION))

    def guidelines(self) -> int | None:
        """`version` in the front matter of the guidelines."""
        file = self.root / "annotations/guidelines.md"
        if not file.is_file():
            return None
        path, text = self.path(file), file.read_text(encoding="utf-8", errors="replace")
        front = text.split("---\n")[1] if text.startswith("---\n") and text.count("---\n") > 1 else ""
        document, found = parse("\n" + front, path, ".yaml")  # the fence is line 1
        self.diagnostics += found
        version = document.data.get("version") if document and isinstance(document.data, dict) else None
        if isinstance(version, int):
            return version
        self.diagnostics.append(
            Diagnostic.at(path, Position(1, 1), "schema", "the guidelines need a front matter with `version: N`")
        )
        return None


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(child for child in parent.iterdir() if child.is_dir() and not child.name.startswith("."))


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    return {file.stem: file.read_bytes().decode("utf-8", errors="replace") for file in sorted(folder.glob(pattern))}
