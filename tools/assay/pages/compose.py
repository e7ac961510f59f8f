"""All generated pages of the site."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
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
    helps: Mapping[str, str] | None = None,
    reuse: Reuse | None = None,
) -> dict[str, str]:
    """Markdown by path in the docs folder. Reads the files of tasks, writes nothing.

    For annotators grades and rankings are left out, so that nobody sees another's verdict before giving one.
    `findings` are those of the rules, `helps` what each command says of itself. What `reuse` knows is taken from there.
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
        links.COMMANDS: manual_pages.commands(helps or {}),
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
    task, attempts = workspace.tasks[name], workspace.attempts.get(name, {})
    made = {links.task_page(name): task_page.page(workspace, task, annotated=annotated)}
    if len(attempts) > 1:
        made[links.compare_page(name)] = compare_page.page(workspace, task, annotated=annotated)
        made |= _comparison(workspace, name, reuse)
    if not annotated and grade_data.is_ready(workspace, task):
        made |= grade_page.files(workspace, task)
    found: citing.Mentions = citing.mentions(workspace, name) if annotated else {}
    for alias in attempts if aliases is None else aliases:
        made |= _trajectory(workspace, attempts[alias], found.get(alias, {}), most, reuse)
    return made


def _comparison(workspace: Workspace, task: str, reuse: Reuse | None) -> Mapping[str, str]:
    attempts = workspace.attempts[task]

    def make() -> Mapping[str, str]:
        return {links.compare_data(task): comparing.payload(task, attempts)}

    return reuse.files(f"compare {task}", [f"trajectories/{task}"], [*attempts], make) if reuse else make()


def _trajectory(
    workspace: Workspace,
    attempt: Attempt,
    mentions: Mapping[str, Sequence[citing.Mention]],
    most: int,
    reuse: Reuse | None,
) -> Mapping[str, str]:
    def make() -> Mapping[str, str]:
        return trajectory_page.files(workspace, attempt, mentions, most)

    if reuse is None:
        return make()
    task, alias = attempt.task, attempt.alias
    places = (f"trajectories/{task}/{alias}", f"annotations/{task}/evidence", f"tasks/{task}")
    readers = sorted(sheet.annotator for sheet in workspace.sheets if sheet.task == task) if workspace.runs else ()
    facts = (sorted(mentions.items()), trajectory_page.milestones(workspace, attempt), readers, most)
    return reuse.files(f"trajectory {task} {alias}", places, facts, make)


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
