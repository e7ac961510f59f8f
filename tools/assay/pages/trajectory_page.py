"""The page of one trajectory: what came of it, every step, the patch, the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from assay.evidence.runs import CAST
from assay.model.base import ID_PATTERN
from assay.model.outcome import TestReport, TestResult
from assay.pages import bodies, casts, chunks, files_section, links, markup, patch, plots, rows, runs_section
from assay.pages.citing import Mention
from assay.pages.file_states import edited
from assay.pages.inert import attribute, first_line, inline, raw
from assay.pages.writer import ASSETS
from assay.workspace import Attempt, Workspace

LOG_TAIL = 60
"""Lines of a test log that are shown; the file itself is in the repository."""


def files(
    workspace: Workspace, attempt: Attempt, mentions: Mapping[str, Sequence[Mention]], most: int = rows.MOST
) -> dict[str, str]:
    """The page, what its script loads for a long log, and the log itself, by path.

    `mentions` are by anchor; bodies of more than `most` characters together are left to scripts.
    """
    here = links.trajectory_page(attempt.task, attempt.alias)
    changed = edited(attempt.trajectory.record.steps) if attempt.trajectory else {}
    after = files_section.places(changed)
    log = rows.log(attempt, mentions, links.href(here, links.task_page(attempt.task)), most, after)
    edits = files_section.section(attempt, changed, len(log.chunks))
    recordings = _recordings(workspace, attempt)
    made = {here: page(workspace, attempt, mentions, log, edits, recordings)}
    for place, found in recordings.items():
        if not found.problem:
            made[links.cast(attempt.task, attempt.alias, place)] = casts.script(place, found)
    lazy: list[Iterable[tuple[int | str, str]]] = [*log.chunks, *edits.chunks]
    for number, chunk in enumerate(lazy):
        made[links.chunk(attempt.task, attempt.alias, number)] = chunks.script(number, chunk)
    if attempt.trajectory:
        made[links.raw_log(attempt.task, attempt.alias)] = attempt.trajectory.document.text
    return made


def page(
    workspace: Workspace,
    attempt: Attempt,
    mentions: Mapping[str, Sequence[Mention]],
    log: rows.Log,
    edits: files_section.Section,
    recordings: Mapping[str, casts.Playback],
) -> str:
    """Markdown of the page; `recordings` are by anchor."""
    here = links.trajectory_page(attempt.task, attempt.alias)
    task_page = links.href(here, links.task_page(attempt.task))
    return "".join(
        (
            markup.front_matter(f"{attempt.alias}, {attempt.task}", search=False),
            markup.crumbs(
                links.link("Tasks", here, links.TASKS),
                links.link(inline(attempt.task), here, links.task_page(attempt.task)),
                "trajectory",
            ),
            f"\n# {inline(attempt.alias)}\n\n",
            _lead(attempt),
            _result(workspace, attempt),
            _isolation(attempt),
            f"\n## Steps {{#{links.STEPS}}}\n\n",
            _steps(attempt, log),
            edits.text,
            f"\n## Patch {{#{links.PATCH}}}\n\n",
            patch.section(attempt, mentions, task_page, edits.last),
            f"\n## Tests {{#{links.TESTS}}}\n\n",
            _tests(workspace, attempt, mentions, task_page, recordings),
            runs_section.section(workspace, attempt, mentions, task_page, recordings),
            f'<script src="{links.href(here, f"{ASSETS}/cast.js")}"></script>\n' if recordings else "",
        )
    )


def milestones(workspace: Workspace, attempt: Attempt) -> tuple[str, ...]:
    """The task's milestones, or those that have reports when the task cannot be read."""
    task = workspace.tasks.get(attempt.task)
    return (task.milestones if task else ()) or tuple(attempt.reports)


def outcome(attempt: Attempt) -> str:
    """The outcome in words; not escaped."""
    if attempt.session:
        return attempt.session.record.predicate.outcome
    return f"{attempt.outcome}, no session record" if attempt.outcome else "no session record"


def length(attempt: Attempt) -> str:
    """How long the trajectory is, in words."""
    trajectory = attempt.trajectory.record if attempt.trajectory else None
    if trajectory is None:
        return "cannot be read"
    calls = sum(len(step.tool_calls or ()) for step in trajectory.steps)
    return f"{markup.count(len(trajectory.steps), 'step')}, {markup.count(calls, 'call')}"


def _recordings(workspace: Workspace, attempt: Attempt) -> dict[str, casts.Playback]:
    """What can be played on the page, by anchor: tests in the final state, and runs that are shown."""
    found = {
        links.anchor_of_test(milestone): casts.of_file(attempt.folder / f"tests/{milestone}.cast")
        for milestone in milestones(workspace, attempt)
        if milestone in attempt.reports and re.match(ID_PATTERN, milestone)
    }
    for run in runs_section.readable(workspace, attempt):
        place = links.run_anchor(run.annotator, run.number)
        found[place] = casts.of_file(run.file.with_suffix(CAST))
    return {place: playback for place, playback in found.items() if playback}


def _lead(attempt: Attempt) -> str:
    kinds = {
        "recorded": "a recorded shell attempt",
        "agent": "an agent run",
        "policy": "a run of a scripted policy, not of a model",
    }
    kind = kinds[attempt.session.record.predicate.kind] if attempt.session else "an attempt without a session record"
    spent = f" in {markup.seconds(attempt.session.record.predicate.seconds)}" if attempt.session else ""
    return f"{length(attempt)}{spent}; {kind}. Who made it is not recorded here.\n{{: .as-lead }}\n\n"


def _result(workspace: Workspace, attempt: Attempt) -> str:
    here = links.trajectory_page(attempt.task, attempt.alias)
    rows = []
    for number, milestone in enumerate(milestones(workspace, attempt), 1):
        entry = attempt.reports.get(milestone)
        name = inline(milestone)
        name = links.link(name, here, here, links.anchor_of_test(milestone)) if entry else name
        cells = _report(entry.record) if entry else (markup.verdict(None, "no report"), "", "")
        rows.append((str(number), name, *cells))
    if not rows:
        return ""
    wide = 5 if any(row[-1] for row in rows) else 4
    return markup.table(("", "milestone", "final state", "tests", "earlier")[:wide], (row[:wide] for row in rows))


def _report(report: TestReport) -> tuple[str, str, str]:
    good = sum(test.status == "passed" for test in report.tests)
    earlier = "<br>".join(f"{markup.verdict(state.passed)} after {inline(state.after)}" for state in report.earlier)
    words = "" if report.passed is not None else inline(report.outcome)
    return markup.verdict(report.passed, words), f"{good} of {len(report.tests)} passed", earlier


def _isolation(attempt: Attempt) -> str:
    if attempt.session is None:
        words = "There is no session record: nothing shows how this attempt was isolated."
        return markup.note(words, "warning", "Session")
    statement = attempt.session.record.predicate
    facts = statement.isolation
    fresh = not facts.start_diff and not facts.mounts and not facts.privileged and facts.network == "none"
    pairs = [
        ("outcome", raw(statement.outcome)),
        ("network", raw(facts.network)),
        ("mounts", raw(", ".join(facts.mounts)) or "none"),
        ("changed before the start", raw(", ".join(facts.start_diff)) or "nothing"),
        ("privileged", "yes" if facts.privileged else "no"),
        ("memory", f"{facts.memory_bytes // 2**20:,} MiB" if facts.memory_bytes else "no limit"),
        ("processes", f"{facts.pids_limit}" if facts.pids_limit > 0 else "no limit"),
        ("container", f"<code>{facts.container[:12]}</code>"),
        ("image", f"<code>{statement.image.id.removeprefix('sha256:')[:12]}</code>"),
        ("task content", f"<code>{statement.task_sha256[:12]}</code>"),
        ("invocation", f"<code>{statement.invocation[:12]}</code>"),
        ("harness", raw(statement.harness)),
    ]
    words = "fresh container, no network, nothing mounted" if fresh else "not fully isolated; see below"
    mark = markup.verdict(fresh, words)
    return markup.disclosure(f"Session isolation {mark}", markup.facts(pairs))


def _steps(attempt: Attempt, log: rows.Log) -> str:
    if attempt.trajectory is None:
        return "The trajectory cannot be read; `assay check` says why.\n"
    here = links.trajectory_page(attempt.task, attempt.alias)
    whole = links.href(here, links.raw_log(attempt.task, attempt.alias))
    folder = links.href(here, links.chunk_folder(attempt.task, attempt.alias))
    name = attribute(f"{attempt.task}-{attempt.alias}.json")
    told = f'<p class="as-quiet"><a href="{whole}" download="{name}">the log as a file</a>'
    if log.chunks:
        told += ". It is long: what a row hides is loaded when it is opened, by a script"
    view = f'<div class="as-view" data-alias="{attribute(attempt.alias)}" data-chunks="{folder}" hidden></div>\n'
    script = f'<script src="{links.href(here, f"{ASSETS}/viewer.js")}"></script>\n'
    return plots.strip(attempt.trajectory.record.steps) + view + log.rows + f"{told}</p>\n{script}"


def _tests(
    workspace: Workspace,
    attempt: Attempt,
    mentions: Mapping[str, Sequence[Mention]],
    task_page: str,
    recordings: Mapping[str, casts.Playback],
) -> str:
    pieces = []
    for milestone in milestones(workspace, attempt):
        entry = attempt.reports.get(milestone)
        if entry:
            shown = "".join(_cases(milestone, entry.record, mentions, task_page))
            place = links.anchor_of_test(milestone)
            player = casts.player(recordings.get(place), attempt.alias, place, f"the tests of {milestone}")
            pieces.append(_milestone_tests(milestone, entry.record, shown + player, attempt.logs.get(milestone, "")))
    return f'<div class="as-tests">{"".join(pieces)}</div>\n' if pieces else "No test has been run on this attempt.\n"


def _cases(
    milestone: str, report: TestReport, mentions: Mapping[str, Sequence[Mention]], task_page: str
) -> Iterator[str]:
    """Every test; the cases of a parametrised one come after a head that can be cited for all of them."""
    seen = {test.name for test in report.tests}
    for test in report.tests:
        family = test.name.partition("[")[0]
        if family not in seen:
            seen.add(family)
            place = links.anchor_of_test(milestone, family)
            cited = mentions.get(place, ())
            head = f"<code>{raw(family)}</code> in {len(report.matching(family))} cases"
            yield f'<div class="as-test" id="{place}">{head}{bodies.cited_by(cited, task_page) if cited else ""}</div>'
        yield _test(milestone, test, mentions, task_page)


def _milestone_tests(milestone: str, report: TestReport, shown: str, log: str) -> str:
    words = "" if report.passed is not None else f"{raw(report.outcome)}: {raw(report.reason)}"
    head = f"{raw(milestone)} {markup.verdict(report.passed, words)}"
    extra = f", exit {report.exit_code}" if report.exit_code is not None else ""
    facts = f'<p class="as-quiet">{markup.seconds(report.seconds)}{extra}</p>'
    rejected = "".join(f'<p class="as-quiet">artifact refused: {raw(name)}</p>' for name in report.rejected)
    return f'<h3 id="{links.anchor_of_test(milestone)}">{head}</h3>{facts}{rejected}{shown}{_log(log)}'


def _test(milestone: str, test: TestResult, mentions: Mapping[str, Sequence[Mention]], task_page: str) -> str:
    place = links.anchor_of_test(milestone, test.name)
    cited = mentions.get(place, ())
    passed = {"passed": True, "skipped": None}.get(test.status, False)
    head = f"{markup.verdict(passed, test.status)} <code>{raw(test.name)}</code>"
    times = f'<span class="as-meta">{markup.seconds(test.seconds)}</span>'
    body = "".join(_test_body(test, cited, task_page))
    names = f'class="as-test" id="{place}" data-cite="{attribute(links.cite("test", f"{milestone}/{test.name}"))}"'
    if not body:
        return f"<div {names}>{head}{times}</div>"
    opened = " open" if cited or passed is False else ""
    return f"<details {names}{opened}><summary>{head}{times}</summary>{body}</details>"


def _test_body(test: TestResult, cited: Sequence[Mention], task_page: str) -> Iterator[str]:
    if cited:
        yield bodies.cited_by(cited, task_page)
    if test.message:
        yield markup.code(raw(test.message), f"message of {attribute(first_line(test.name))}")


def _log(log: str) -> str:
    lines = log.rstrip("\n").split("\n")
    if lines == [""]:
        return ""
    hidden = max(0, len(lines) - LOG_TAIL)
    cut = f'<p class="as-quiet">{markup.count(hidden, "earlier line")} not shown</p>' if hidden else ""
    tail = markup.code(raw("\n".join(lines[hidden:])), "log")
    return markup.disclosure(f"log, {markup.count(len(lines), 'line')}", cut + tail)
