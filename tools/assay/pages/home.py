"""The first page and the list of tasks."""

from __future__ import annotations

from collections.abc import Iterator

from assay.pages import links, markup
from assay.pages.calibration_section import brief
from assay.pages.inert import inline, raw, worded
from assay.pages.task_page import is_proven, proof_verdict, quarantine
from assay.pages.writer import ASSETS
from assay.workspace import Task, Workspace

FACETS = ("difficulty", "category", "proof")
"""Columns whose values a reader can choose from."""


def home(workspace: Workspace, *, annotated: bool, problems: int) -> str:
    """The study in numbers, three ways in, one card for each task."""
    tasks = list(workspace.tasks.values())
    title = inline(workspace.settings.title)
    lead = (
        "Recorded attempts at realistic programming tasks, graded against rubrics and ranked. Every claim on these "
        "pages links to the step, file or test that it rests on."
    )
    return "".join(
        (
            markup.front_matter("Home", toc=False),
            f"\n# {title}\n\n{lead}\n{{: .as-lead }}\n\n",
            _numbers(workspace, tasks, annotated=annotated),
            _problems(problems),
            _doors(workspace, annotated=annotated),
            "\n## Tasks {#tasks}\n\n",
            "".join(_card(workspace, task, annotated=annotated) for task in tasks) or "There is no task yet.\n",
        )
    )


def task_list(workspace: Workspace, *, annotated: bool) -> str:
    """All tasks in one dense table, which a script narrows by words and by columns."""
    head = (
        "task",
        "difficulty",
        "category",
        "tags",
        "expert time",
        "milestones",
        "proof",
        "calibration",
        "attempts",
        "annotations",
    )
    rows = [_row(workspace, task, annotated=annotated) for task in workspace.tasks.values()]
    table = markup.table(head, rows) if rows else "There is no task yet.\n"
    script = links.href(links.TASKS, f"{ASSETS}/tasks.js")
    facets = f'<div class="as-facets as-tools" data-columns="{",".join(FACETS)}" hidden></div>\n'
    facets += f'<script defer src="{script}"></script>\n\n'
    return f"{markup.front_matter('Tasks', toc=False)}\n# Tasks\n\n{facets if rows else ''}{table}"


def _numbers(workspace: Workspace, tasks: list[Task], *, annotated: bool) -> str:
    proven = sum(map(is_proven, tasks))
    attempts = sum(map(len, workspace.attempts.values()))
    steps = sum(
        len(attempt.trajectory.record.steps)
        for group in workspace.attempts.values()
        for attempt in group.values()
        if attempt.trajectory
    )
    held = sum(bool(workspace.quarantined(task.id)) for task in tasks)
    numbers = [
        (len(tasks), "task" if len(tasks) == 1 else "tasks", links.TASKS),
        (proven, "proven by replay", links.TASKS),
        (attempts, "trajectory" if attempts == 1 else "trajectories", links.TASKS),
        (steps, "recorded steps", links.TASKS),
    ]
    if held:
        numbers.append((held, "quarantined", links.QUEUE))
    if annotated:
        sheets = sum(sheet.entry is not None for sheet in workspace.sheets)
        numbers.append((sheets, "annotation" if sheets == 1 else "annotations", links.TASKS))
    cells = "".join(
        f'<a href="{links.href(links.HOME, target)}"><b>{number:,}</b> <span>{words}</span></a>'
        for number, words, target in numbers
    )
    return f'<div class="as-numbers">{cells}</div>\n'


def _problems(problems: int) -> str:
    if not problems:
        return ""
    words = f"{markup.count(problems, 'problem')} in the data of this workspace; `assay check` names every one."
    return f"\n{markup.note(words, 'warning', 'Checks')}\n"


def _doors(workspace: Workspace, *, annotated: bool) -> str:
    annotate = (
        f"Start with a {links.link('task', links.HOME, links.TASKS)}: its instruction, then its rubric, then the "
        "trajectories in the order that your sheet gives."
    )
    review = (
        "Follow a citation: open any rationale, click the step it cites, and read what is there. "
        f"{links.link('All tasks', links.HOME, links.TASKS)} list their proofs."
    )
    read = (
        f"Begin with the {links.link('ranking', links.HOME, links.RANKING)} and what its numbers cannot carry; "
        f"{links.link('about this study', links.HOME, links.ABOUT)} says where the data come from."
    )
    hidden = "This edition is for annotators: it shows no grades and no ranking."
    doors = (("I annotate", annotate), ("I review", review), ("I read", read if annotated else hidden))
    cells = "".join(
        f'<div class="as-door" markdown="1">\n<p class="as-doorname">{name}</p>\n\n{text}\n\n</div>\n'
        for name, text in doors
    )
    return f'\n<div class="as-doors" markdown="1">\n{cells}</div>\n'


def _card(workspace: Workspace, task: Task, *, annotated: bool) -> str:
    here = links.HOME
    head = f"### {links.link(inline(task.id), here, links.task_page(task.id))} {{#task-{task.id}}}\n\n"
    if task.file is None:
        return f'<div class="as-card" markdown="1">\n\n{head}The task file has errors.\n\n</div>\n'
    metadata = task.file.record.metadata
    facts = [
        ("proof", proof_verdict(task)),
        ("difficulty", raw(metadata.difficulty)),
        ("calibration", brief(task)),
        *((name, _anchor(task, name, number)) for name, number in _counts(workspace, task, annotated=annotated)),
    ]
    description = worded(task.file.record.task.description)
    crux = f"{worded(metadata.crux)}\n{{: .as-quiet }}\n\n"
    body = f"{description}\n\n{quarantine(workspace, task, here)}{crux}{markup.facts(facts)}\n"
    return f'<div class="as-card" markdown="1">\n\n{head}{body}\n</div>\n'


def _row(workspace: Workspace, task: Task, *, annotated: bool) -> tuple[str, ...]:
    name = links.link(inline(task.id), links.TASKS, links.task_page(task.id))
    name += f" {markup.tag('quarantined')}" if workspace.quarantined(task.id) else ""
    counts = {
        name: links.link(str(number), links.TASKS, links.task_page(task.id), name) if number else "0"
        for name, number in _counts(workspace, task, annotated=annotated)
    }
    attempts, sheets = counts["attempts"], counts.get("annotations", "hidden")
    if task.file is None:
        return name, "", "", "", "", "", markup.verdict(None, "task file has errors"), "", attempts, sheets
    metadata = task.file.record.metadata
    return (
        name,
        inline(metadata.difficulty),
        inline(metadata.category),
        inline(", ".join(metadata.tags)),
        markup.minutes(metadata.expert_time_estimate_min),
        counts["milestones"],
        proof_verdict(task),
        brief(task) or "not measured",
        attempts,
        sheets,
    )


def _counts(workspace: Workspace, task: Task, *, annotated: bool) -> Iterator[tuple[str, int]]:
    """Sections of the page of a task, and how much is in them."""
    yield "milestones", len(task.milestones)
    yield "attempts", len(workspace.attempts.get(task.id, {}))
    if annotated:
        yield "annotations", sum(sheet.task == task.id and sheet.entry is not None for sheet in workspace.sheets)


def _anchor(task: Task, section: str, number: int) -> str:
    """A number that leads to its section; raw HTML."""
    return f'<a href="{links.href(links.HOME, links.task_page(task.id), section)}">{number}</a>' if number else "0"
