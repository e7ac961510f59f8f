"""The page on which somebody grades all attempts at a task: the rubric beside the logs, without a server."""

from __future__ import annotations

from assay.pages import grade_data, links, markup
from assay.pages.inert import attribute, inline
from assay.pages.writer import ASSETS
from assay.workspace import Task, Workspace


def page(workspace: Workspace, task: Task) -> str:
    """Markdown of the page. Everything on it is made by the script from one block of data."""
    here = links.grade_page(task.id)
    logs = links.href(here, f"trajectories/{task.id}")
    style, code = (links.href(here, f"{ASSETS}/{name}") for name in ("grade.css", "grade.js"))
    words = links.href(here, f"{ASSETS}/grade-file.js")
    return (
        f"{markup.front_matter(f'Grade {task.id}', search=False, toc=False)}"
        f"{markup.crumbs(links.link('Tasks', here, links.TASKS), _task(task, here), 'grade')}"
        f"\n# Grade {inline(task.id)}\n\n"
        f'<link rel="stylesheet" href="{style}">\n'
        f'<div class="as-grade" data-logs="{attribute(logs)}">\n'
        f'<p class="as-unscripted">Grading here needs scripts. Without them, <code>assay new annotation '
        f"{attribute(task.id)} --by HANDLE</code> begins the same file.</p>\n</div>\n"
        f'<script type="application/json" id="as-grade-data">{grade_data.block(workspace, task)}</script>\n'
        f'<script defer src="{words}"></script>\n<script defer src="{code}"></script>\n'
    )


def _task(task: Task, here: str) -> str:
    return links.link(inline(task.id), here, links.task_page(task.id))
