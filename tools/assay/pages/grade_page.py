"""The page on which somebody grades all attempts at a task: the rubric beside the logs, without a server."""

from __future__ import annotations

from collections.abc import Mapping

from assay.pages import grade_data, grade_texts, links, markup
from assay.pages.inert import attribute, inline
from assay.pages.writer import ASSETS
from assay.scaffold.annotation import gradable
from assay.workspace import Task, Workspace

SCRIPTS = ("grade-citations", "grade-quotes", "grade")
"""What runs at once; grade-file and grade-end are loaded when the end is near, or a file is read."""


def files(workspace: Workspace, task: Task) -> Mapping[str, str]:
    """The page and the texts that quotes are looked for in, by path in the docs folder."""
    made = {links.grade_page(task.id): page(workspace, task)}
    for alias in gradable(workspace.attempts.get(task.id, {}).values()):
        made |= grade_texts.files(workspace.attempts[task.id][alias])
    return made


def page(workspace: Workspace, task: Task) -> str:
    """Markdown of the page. Everything on it is made by the script from one block of data."""
    here = links.grade_page(task.id)
    logs = links.href(here, f"trajectories/{task.id}")
    texts, code = links.href(here, f"grade/{task.id}"), links.href(here, ASSETS)
    scripts = "".join(f'<script defer src="{code}/{name}.js"></script>\n' for name in SCRIPTS)
    return (
        f"{markup.front_matter(f'Grade {task.id}', search=False, toc=False)}"
        f"{markup.crumbs(links.link('Tasks', here, links.TASKS), _task(task, here), 'grade')}"
        f"\n# Grade {inline(task.id)}\n\n"
        f'<link rel="stylesheet" href="{code}/grade.css">\n'
        f'<div class="as-grade" data-logs="{attribute(logs)}" data-texts="{attribute(texts)}" data-code="{code}">\n'
        f'<p class="as-unscripted">Grading here needs scripts. Without them, <code>assay new annotation '
        f"{attribute(task.id)} --by HANDLE</code> begins the same file.</p>\n</div>\n"
        f'<script type="application/json" id="as-grade-data">{grade_data.block(workspace, task)}</script>\n'
        f"{scripts}"
    )


def _task(task: Task, here: str) -> str:
    return links.link(inline(task.id), here, links.task_page(task.id))
