"""What annotators ran themselves on an attempt: command, exit code and output, on its page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from assay.evidence.runs import Run, runs
from assay.model.run import RecordedRun
from assay.pages import bodies, casts, links, markup
from assay.pages.citing import Mention
from assay.pages.inert import raw
from assay.workspace import Attempt, Workspace

SHOWN = 200
"""Lines of an output that are shown; the file itself is in the repository."""


def readable(workspace: Workspace, attempt: Attempt) -> list[Run]:
    """Runs on an attempt by those whose annotation can be read."""
    known = {sheet.annotator for sheet in workspace.sheets if sheet.task == attempt.task}
    return [
        run
        for run in runs(workspace, attempt.task)
        if run.annotator in known and run.number and run.entry.record.alias == attempt.alias
    ]


def section(
    workspace: Workspace,
    attempt: Attempt,
    mentions: Mapping[str, Sequence[Mention]],
    task_page: str,
    recordings: Mapping[str, casts.Playback],
) -> str:
    """Markdown with those runs; empty when there are none. `recordings` are by anchor."""
    shown = "".join(_run(run, mentions, task_page, recordings) for run in readable(workspace, attempt))
    return f'\n## Runs by annotators {{#{links.RUNS}}}\n\n<div class="as-tests">{shown}</div>\n' if shown else ""


def _run(
    run: Run,
    mentions: Mapping[str, Sequence[Mention]],
    task_page: str,
    recordings: Mapping[str, casts.Playback],
) -> str:
    record = run.entry.record
    place = links.run_anchor(run.annotator, run.number)
    cited = mentions.get(place, ())
    head = (
        f"{markup.verdict(None, f'exit {record.exit_code}')} <code>{raw(words(record))}</code> "
        f"{raw(run.annotator)}, run {run.number:02d}"
    )
    times = f'<span class="as-meta">{markup.seconds(record.seconds)}</span>'
    facts = markup.facts(
        [
            ("state", raw(_state(record))),
            ("image", f"<code>{record.image.id.removeprefix('sha256:')[:12]}</code>"),
            ("task content", f"<code>{record.task_sha256[:12]}</code>"),
            (
                "output",
                f"<code>{record.stdout.sha256[:12]}</code>, {record.stdout.bytes + record.stderr.bytes:,} bytes",
            ),
        ]
    )
    body = (bodies.cited_by(cited, task_page) if cited else "") + facts
    body += casts.player(recordings.get(place), run.entry.record.alias, place, f"run {run.number:02d}") + _output(run)
    opened = " open" if cited else ""
    return f'<details class="as-test" id="{place}"{opened}><summary>{head}{times}</summary>{body}</details>'


def words(record: RecordedRun) -> str:
    """What was run."""
    return shlex.join(record.command) or {"tests": "the task's tests"}.get(record.kind, "a shell")


def _state(record: RecordedRun) -> str:
    state = record.state
    after = f"after step {state.step}, " if state.step else ""
    return f"{after}{'the image as it is' if state.milestone is None else f'the patch of {state.milestone}'}"


def _output(run: Run) -> str:
    lines = run.output.rstrip("\n").split("\n")
    if lines == [""]:
        return '<p class="as-quiet">It printed nothing.</p>'
    hidden = max(0, len(lines) - SHOWN)
    more = f'<p class="as-quiet">{markup.count(hidden, "later line")} not shown</p>' if hidden else ""
    return markup.code(raw("\n".join(lines[:SHOWN])), f"output of run {run.number:02d}") + more
