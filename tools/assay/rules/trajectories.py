"""Rules on recorded attempts: that they are complete, unaltered, isolated, and recorded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from assay.contents import file_hash
from assay.diagnostics import Diagnostic, Position, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.model.outcome import TestReport, is_valid
from assay.model.session import Isolation, MilestoneResult, Session, SessionPredicate, Subject
from assay.rules import rule
from assay.rules.sheets import graded_sheets
from assay.workspace import Attempt, Entry, Workspace

_SESSION = "session.json"
_ISOLATION: Loc = ("predicate", "isolation")


@rule("trajectory-incomplete")
def trajectory_incomplete(workspace: Workspace) -> Iterator[Diagnostic]:
    """A recorded trajectory comes with its session, with a patch, and with a test report for every milestone.

    Without the patch its result cannot be tested again, and without a report its grades rest on nothing. An attempt
    that stopped early has patches for the milestones it reached, and reports for all of them. A trajectory that was
    imported has a log and at most reports that name no image, and `session-missing` says so.

    Bad:
        trajectory.json
        session.json
        tests/merge-rows.json

    Good:
        trajectory.json
        session.json
        patches/merge-rows.patch
        tests/merge-rows.json
        tests/merge-rows.log
    """
    reported = {item.path for item in workspace.diagnostics}
    for attempt in _attempts(workspace):
        task = workspace.tasks.get(attempt.task)
        expected = list(_expected(attempt, task.milestones if task else ()))
        missing = [
            name
            for name in dict.fromkeys(expected)
            if not (attempt.folder / name).is_file() and f"{attempt.path}/{name}" not in reported
        ]
        if missing:
            message = f"`{attempt.alias}` is not complete; missing {', '.join(f'`{name}`' for name in missing)}"
            path = f"{attempt.path}/trajectory.json"
            yield Diagnostic.at(path, Position(1, 1), "trajectory-incomplete", message)


def _expected(attempt: Attempt, milestones: tuple[str, ...]) -> Iterator[str]:
    if attempt.is_imported:
        return
    yield _SESSION
    if not (attempt.folder / _SESSION).is_file():
        return
    session = attempt.session.record.predicate if attempt.session else None
    if session is None or session.outcome not in ("invalid-environment", "invalid-agent"):
        yield from _results(attempt, milestones)
    if attempt.session:
        yield from (subject.name for subject in attempt.session.record.subject if _inside(subject.name))


def _results(attempt: Attempt, milestones: tuple[str, ...]) -> Iterator[str]:
    reached = max((at for at, name in enumerate(milestones) if name in attempt.patches), default=0)
    course = attempt.session.record.predicate.course if attempt.session else None
    first = milestones.index(course.starts_at) if course and course.starts_at in milestones else 0
    yield from (f"patches/{name}.patch" for name in milestones[first : reached + 1])
    yield from (f"tests/{name}.json" for name in milestones)


@rule("session-missing", Severity.WARNING)
def session_missing(workspace: Workspace) -> Iterator[Diagnostic]:
    """A trajectory comes with a session that shows how the attempt was isolated.

    An imported log may tell the truth about a trial, but nothing shows that the container was fresh and alone, and
    without a patch and test reports its result cannot be tested again.

    Bad:
        trajectory.json

    Good:
        trajectory.json
        session.json
        patches/merge-rows.patch
        tests/merge-rows.json
    """
    for attempt in _attempts(workspace):
        if attempt.trajectory and attempt.is_imported:
            rest = "in which image its tests ran" if attempt.reports else "what its tests said; it has only its log"
            message = f"nothing shows how `{attempt.alias}` was isolated or {rest}"
            path = f"{attempt.path}/trajectory.json"
            yield Diagnostic.at(path, Position(1, 1), "session-missing", message)


def _inside(name: str) -> bool:
    """Whether a subject's name stays in the attempt's folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


@rule("session-task-mismatch")
def session_task_mismatch(workspace: Workspace) -> Iterator[Diagnostic]:
    """A session is of the task whose folder it lies in, and states the results that the test reports show.

    Two accounts of one trial that differ leave it open which one is true.

    Bad:
        "milestones": [{"milestone": "merge-rows", "outcome": "scored", "passed": true, …}]
        # tests/merge-rows.json: "passed": false

    Good:
        "milestones": [{"milestone": "merge-rows", "outcome": "scored", "passed": false, …}]
    """
    for attempt, entry in _sessions(workspace):
        if attempt.task not in workspace.tasks:
            continue
        predicate, document = entry.record.predicate, entry.document
        if predicate.task != attempt.task:
            message = f"`task` must be what the path says, `{attempt.task}`; found `{predicate.task}`"
            yield _at(document, ("predicate", "task"), "session-task-mismatch", message)
            continue
        for number, result in enumerate(predicate.milestones):
            report = attempt.reports.get(result.milestone)
            if report and (difference := _difference(result, report.record)):
                loc = ("predicate", "milestones", number)
                message = f"`{result.milestone}` must be as in {report.path}; {difference}"
                yield _at(document, loc, "session-task-mismatch", message)


def _difference(result: MilestoneResult, report: TestReport) -> str:
    if result.outcome != report.outcome:
        return f"outcome is `{report.outcome}` there and `{result.outcome}` here"
    if result.passed is not report.passed:
        return f"passed is {_word(report.passed)} there and {_word(result.passed)} here"
    found = {test.name: test.status == "passed" for test in report.tests}
    odd = sorted(name for name in found.keys() | result.tests.keys() if found.get(name) is not result.tests.get(name))
    return f"test `{odd[0]}` differs" if odd else ""


def _word(passed: bool | None) -> str:
    return "undecided" if passed is None else str(passed).lower()


@rule("session-subject-digest")
def session_subject_digest(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every file that a session vouches for has the digest written there, and every file of the attempt is vouched for.

    An edited transcript is no evidence, and a file that nobody vouches for can be edited unseen.

    Bad:
        # somebody shortened step 12 in trajectory.json after the recording

    Good:
        # trajectory.json is as it was recorded; remarks about it are in an annotation
    """
    for attempt, entry in _sessions(workspace):
        document, subjects = entry.document, entry.record.subject
        for number, subject in enumerate(subjects):
            loc: Loc = ("subject", number)
            if not _inside(subject.name):
                message = f"subjects are files beside the session, found `{subject.name}`"
                yield _at(document, (*loc, "name"), "session-subject-digest", message)
            elif _is_altered(attempt, subject):
                message = f"`{subject.name}` is not the file that was recorded; its digest differs"
                hint = "restore the file; a recording is never edited"
                yield _at(document, (*loc, "digest", "sha256"), "session-subject-digest", message, hint)
        known = {subject.name for subject in subjects}
        files = ["trajectory.json", *(f"patches/{name}.patch" for name in attempt.patches)]
        files += [f"tests/{name}.json" for name in attempt.reports]
        if loose := [name for name in files if name not in known]:
            message = (
                f"`subject` must list every file of the attempt; missing {', '.join(f'`{name}`' for name in loose)}"
            )
            yield _at(document, ("subject",), "session-subject-digest", message)


def _is_altered(attempt: Attempt, subject: Subject) -> bool:
    """Whether the file is there and is another; a missing one makes the attempt incomplete."""
    file = attempt.folder / subject.name
    found = file_hash(file) if file.is_file() else subject.digest.sha256
    if found == subject.digest.sha256:
        return False
    path = PurePosixPath(subject.name)
    report = attempt.reports.get(path.stem) if path.suffix == ".log" else None
    # a log that differs from what its report states is reported there
    return report is None or report.record.log_sha256 in (None, found)


@rule("session-not-isolated")
def session_not_isolated(workspace: Workspace) -> Iterator[Diagnostic]:
    """The engine showed a fresh, unprivileged container without network, mounts, volumes and an agent's memory.

    An attempt that could reach the network or the host could have fetched the answer. What one agent leaves in a
    volume or in its home, the next one finds: they are not independent any more.

    Bad:
        "isolation": {"network": "bridge", "mounts": ["/data"], …}

    Good:
        "isolation": {"network": "none", "mounts": [], "start_diff": [], "privileged": false, …}
    """
    for _, entry in _sessions(workspace):
        predicate = entry.record.predicate
        for key, message in _leaks(predicate.isolation):
            yield _at(entry.document, (*_ISOLATION, key), "session-not-isolated", message)
        if predicate.course and predicate.course.agent_state:
            message = f"the agent must start without memory, found `{predicate.course.agent_state[0]}`"
            yield _at(entry.document, ("predicate", "course", "agent_state"), "session-not-isolated", message)


def _leaks(isolation: Isolation) -> Iterator[tuple[str, str]]:
    if isolation.network != "none":
        yield "network", f"the container must have no network, found `{isolation.network}`"
    if isolation.mounts:
        yield "mounts", f"nothing of the host may be mounted, found `{isolation.mounts[0]}`"
    if isolation.volumes:
        yield "volumes", f"nothing may be shared between sessions, found the volume `{isolation.volumes[0]}`"
    if isolation.start_diff:
        yield "start_diff", f"the container must be fresh, found `{isolation.start_diff[0]}` changed before the start"
    if isolation.privileged:
        yield "privileged", "the container must not be privileged"


@rule("session-not-unique")
def session_not_unique(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every session has its own container and its own invocation.

    Attempts are counted as independent; a copy under a second alias would count one attempt twice.

    Bad:
        # calm-heron/session.json and dry-finch/session.json
        "invocation": "5c0f…"

    Good:
        # calm-heron/session.json
        "invocation": "5c0f…"
        # dry-finch/session.json
        "invocation": "91ab…"
    """
    seen: dict[str, str] = {}
    for _, entry in sorted(_sessions(workspace), key=lambda item: item[1].path):
        predicate = entry.record.predicate
        places: list[tuple[str, Loc]] = [
            (predicate.invocation, ("predicate", "invocation")),
            (predicate.isolation.container, (*_ISOLATION, "container")),
        ]
        repeated = next(((value, loc) for value, loc in places if value in seen), None)
        if repeated:
            value, loc = repeated
            message = f"`{loc[-1]}` must be unique, found that of {seen[value]}"
            yield _at(entry.document, loc, "session-not-unique", message)
        for value, _ in places:
            seen.setdefault(value, entry.path)


@rule("report-log-digest")
def report_log_digest(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every test log has the digest that its report states.

    Annotations quote logs; a log that was edited or lost proves nothing.

    Bad:
        # tests/merge-rows.log was cut by hand

    Good:
        # tests/merge-rows.log is as the verifier wrote it
    """
    for attempt in _attempts(workspace):
        for milestone, entry in attempt.reports.items():
            stated = entry.record.log_sha256
            file = attempt.folder / f"tests/{milestone}.log"
            # a log that is gone is missing from the session's subjects, and reported there
            if stated is not None and file.is_file() and file_hash(file) != stated:
                message = f"`tests/{milestone}.log` is not the log of this run; its digest differs"
                yield _at(entry.document, ("log_sha256",), "report-log-digest", message)


@rule("trajectory-no-agent-step")
def trajectory_no_agent_step(workspace: Workspace) -> Iterator[Diagnostic]:
    """An attempt in which the agent took no step has the outcome `invalid-agent`.

    An agent that was not found, or was refused by its model, has failed at nothing: booked as scored, it would be
    ranked as the worst of all attempts. Where the environment failed first, the outcome says that.

    Bad:
        # trajectory.json holds the user's request and nothing else
        "outcome": "scored"

    Good:
        # trajectory.json holds the user's request and nothing else
        "outcome": "invalid-agent"
    """
    for attempt, entry in _sessions(workspace):
        stated = entry.record.predicate.outcome
        if attempt.outcome != stated:
            message = f"the agent of `{attempt.alias}` took no step, so the outcome must be `invalid-agent`"
            hint = f"found `{stated}`; `assay escalate {attempt.task}` is the place to say why the agent did not act"
            yield _at(entry.document, ("predicate", "outcome"), "trajectory-no-agent-step", message, hint)


@rule("session-outcome")
def session_outcome(workspace: Workspace) -> Iterator[Diagnostic]:
    """A milestone passed or failed only where its outcome is valid, and a session is scored only where all are.

    Invalid is never a failing grade: what could not be decided has `passed: null`, and an attempt that has such a
    milestone, or whose agent never acted, is in no rate and no ranking.

    Bad:
        "outcome": "scored",
        "milestones": [{"milestone": "merge-rows", "outcome": "invalid-verifier", "passed": false, "tests": {}}]

    Good:
        "outcome": "invalid-verifier",
        "milestones": [{"milestone": "merge-rows", "outcome": "invalid-verifier", "passed": null, "tests": {}}]
    """
    for _, entry in _sessions(workspace):
        for loc, message in _off_the_lattice(entry.record.predicate):
            yield _at(entry.document, ("predicate", *loc), "session-outcome", message)


def _off_the_lattice(session: SessionPredicate) -> Iterator[tuple[Loc, str]]:
    for number, result in enumerate(session.milestones):
        place: Loc = ("milestones", number, "passed")
        if is_valid(result.outcome) is (result.passed is None):
            wanted = "true or false" if is_valid(result.outcome) else "null"
            yield place, f"`passed` must be {wanted} where the outcome is `{result.outcome}`"
        elif session.outcome == "invalid-agent" and result.passed is not None:
            yield place, f"`{result.milestone}` must be `invalid-agent` too; without an agent there is nothing to grade"
    invalid = next((result for result in session.milestones if not is_valid(result.outcome)), None)
    if invalid and is_valid(session.outcome):
        wrong = f"that of `{invalid.milestone}` is `{invalid.outcome}`, found `{session.outcome}`"
        yield ("outcome",), f"`outcome` must be invalid where a milestone's is; {wrong}"


@rule("annotation-invalid-trajectory", Severity.WARNING)
def annotation_invalid_trajectory(workspace: Workspace) -> Iterator[Diagnostic]:
    """An annotation grades no trajectory whose outcome is invalid.

    There is nothing to grade in an attempt that the environment, the agent's software or the verifier ended. Rankings
    leave it out, whatever tier it is in; what broke it belongs in an escalation.

    Bad:
        # calm-heron is invalid-agent
        grades:
          brisk-otter: …
          calm-heron: …

    Good:
        grades:
          brisk-otter: …
    """
    for sheet in graded_sheets(workspace):
        for alias in sheet.record.grades:
            attempt = sheet.attempts.get(alias)
            if attempt and attempt.is_invalid:
                message = f"`{alias}` is `{attempt.outcome}`: rankings leave it out, whatever its grades are"
                hint = f"delete it from the sheet, and raise what broke it with `assay escalate {attempt.task}`"
                yield sheet.at_key(("grades", alias), "annotation-invalid-trajectory", message, hint)


def _attempts(workspace: Workspace) -> Iterator[Attempt]:
    for attempts in workspace.attempts.values():
        yield from attempts.values()


def _sessions(workspace: Workspace) -> Iterator[tuple[Attempt, Entry[Session]]]:
    for attempt in _attempts(workspace):
        if attempt.session:
            yield attempt, attempt.session


def _at(document: Document, loc: Loc, name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), name, message, hint=hint)
