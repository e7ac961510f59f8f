"""All generated pages of the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assay.diagnostics import Diagnostic, Severity
from assay.model.base import ID_PATTERN
from assay.pages import (
    citing,
    compare_page,
    comparing,
    grade_data,
    grade_page,
    home,
    links,
    manual_pages,
    quality_page,
    queue_page,
    ranking_page,
    rows,
    rules_page,
    task_page,
    trajectory_page,
)
from assay.pages.reuse import Reuse
from assay.results.blinding import blinding
from assay.results.ranking import RankingReport
from assay.workspace import Attempt, Workspace

Audience = Literal["annotator", "public"]
HIDDEN = "This edition of the site is for annotators, who work before anything is compared."


@dataclass(frozen=True)
class Ranked:
    """A ranking, or the reason why there is none."""

    report: RankingReport | None
    withheld: str = ""


def pages(
    workspace: Workspace,
    ranked: Ranked,
    *,
    audience: Audience = "public",
    findings: Sequence[Diagnostic] = (),
    helps: Callable[[], Mapping[str, str]] = dict,
    reuse: Reuse | None = None,
) -> dict[str, str]:
    """Markdown by path in the docs folder. Reads the files of tasks, writes nothing.

    For annotators grades and rankings are left out, so that nobody sees another's verdict before giving one.
    `findings` are those of the rules, `helps` gives what each command says of itself. What `reuse` keeps is left out.
    """
    workspace = with_safe_names(workspace)
    problems = sum(item.severity is Severity.ERROR for item in findings)
    annotated = audience == "public"
    ranked = ranked if annotated else Ranked(None, HIDDEN)
    made = {
        links.HOME: home.home(workspace, annotated=annotated, problems=problems),
        links.TASKS: home.task_list(workspace, annotated=annotated),
        links.RANKING: ranking_page.page(workspace, ranked.report, ranked.withheld),
        **ranking_page.downloads(ranked.report),
        links.RULES: rules_page.page(),
        links.QUEUE: queue_page.page(workspace, findings, annotated=annotated),
        links.GUIDELINES: manual_pages.guidelines(workspace),
        **_kept(reuse, "commands", (), (), lambda: {links.COMMANDS: manual_pages.commands(helps())}),
        links.QUALITY: quality_page.page(workspace, blinding(workspace) if annotated else None, HIDDEN),
    }
    most = rows.MOST if sum(map(len, workspace.attempts.values())) <= rows.MANY else rows.MOST_OF_MANY
    for task in workspace.tasks:
        made |= of_task(workspace, task, annotated=annotated, most=most, reuse=reuse)
    return made


def of_task(
    workspace: Workspace,
    name: str,
    *,
    annotated: bool,
    aliases: Collection[str] | None = None,
    most: int = rows.MOST,
    reuse: Reuse | None = None,
) -> dict[str, str]:
    """The pages of a task, and those of its trajectories, or of these of them."""
    if not annotated:  # what others ran is their work too
        workspace = replace(workspace, runs=())
    attempts = workspace.attempts.get(name, {})
    places = [folder.format(name) for folder in _OF_TASK]
    made = dict(_kept(reuse, f"task {name}", places, annotated, lambda: _about(workspace, name, annotated=annotated)))
    found: citing.Mentions = citing.mentions(workspace, name) if annotated else {}
    for alias in attempts if aliases is None else aliases:
        made |= _trajectory(workspace, attempts[alias], found.get(alias, {}), most, reuse)
    return made


_OF_TASK = (
    *("assay.toml", "annotations/people.yaml", "annotations/guidelines.md"),
    *("tasks/{}", "trajectories/{}", "annotations/{}", ".assay/replays/{}", ".assay/reruns/{}", ".assay/identities"),
)
"""All that the pages about a task are made from."""


def _about(workspace: Workspace, name: str, *, annotated: bool) -> Mapping[str, str]:
    """The pages of a task that are not those of single trajectories."""
    task, attempts = workspace.tasks[name], workspace.attempts.get(name, {})
    made = {links.task_page(name): task_page.page(workspace, task, annotated=annotated)}
    if len(attempts) > 1:
        made[links.compare_page(name)] = compare_page.page(workspace, task, annotated=annotated)
        made[links.compare_data(name)] = comparing.payload(name, attempts)
    if not annotated and grade_data.is_ready(workspace, task):
        made |= grade_page.files(workspace, task)
    return made


def _kept(
    reuse: Reuse | None, name: str, places: Sequence[str], facts: object, make: Callable[[], Mapping[str, str]]
) -> Mapping[str, str]:
    return make() if reuse is None else reuse.files(name, places, facts, make)


def _trajectory(
    workspace: Workspace,
    attempt: Attempt,
    mentions: Mapping[str, Sequence[citing.Mention]],
    most: int,
    reuse: Reuse | None,
) -> Mapping[str, str]:
    task, alias = attempt.task, attempt.alias
    places = (f"trajectories/{task}/{alias}", f"annotations/{task}/evidence", f"tasks/{task}")
    readers = sorted(sheet.annotator for sheet in workspace.sheets if sheet.task == task) if workspace.runs else ()
    facts = (sorted(mentions.items()), trajectory_page.milestones(workspace, attempt), readers, most)
    name = f"trajectory {task} {alias}"
    return _kept(reuse, name, places, facts, lambda: trajectory_page.files(workspace, attempt, mentions, most))


def with_safe_names(workspace: Workspace) -> Workspace:
    """Without folders and files whose names are no ids: names become paths, titles and anchors as they stand.

    Trajectories and annotations of a task that is not there go too; `assay check` reports all of them.
    """
    tasks = {name: task for name, task in workspace.tasks.items() if _is_id(name)}
    attempts: Mapping[str, Mapping[str, object]] = workspace.attempts
    return replace(
        workspace,
        tasks=tasks,
        attempts={
            name: {alias: attempt for alias, attempt in workspace.attempts[name].items() if _is_id(alias)}
            for name in attempts
            if name in tasks
        },
        sheets=tuple(sheet for sheet in workspace.sheets if sheet.task in tasks and _is_id(sheet.annotator)),
    )


def _is_id(name: str) -> bool:
    return re.fullmatch(ID_PATTERN, name) is not None
