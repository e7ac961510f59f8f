"""Where pages are and what their anchors are called. Everything that links asks here."""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import lru_cache

from assay.evidence.grammar import Citation, Kind

HOME = "index.md"
TASKS = "tasks/index.md"
RANKING = "ranking.md"
RANKING_JSON, RANKING_CSV = "ranking.json", "ranking.csv"
QUALITY = "quality.md"
RULES = "rules.md"
ABOUT = "about.md"
QUEUE = "work.md"
GUIDELINES = "guidelines.md"
COMMANDS = "commands.md"
ESCALATIONS = "escalations"
PATCH, TESTS, STEPS, RUNS, FILES = "patch", "tests", "steps", "runs", "files"


def task_page(task: str) -> str:
    """The page of a task, as a path in the docs folder."""
    return f"tasks/{task}/index.md"


def trajectory_page(task: str, alias: str) -> str:
    """The page of a trajectory, as a path in the docs folder."""
    return f"trajectories/{task}/{alias}.md"


def chunk_folder(task: str, alias: str) -> str:
    """Where the bodies of a long log are."""
    return f"trajectories/{task}/{alias}/c"


def chunk(task: str, alias: str, number: int) -> str:
    """One script with bodies."""
    return f"{chunk_folder(task, alias)}/{number:04d}.js"


def raw_log(task: str, alias: str) -> str:
    """The log itself, to take away."""
    return f"trajectories/{task}/{alias}/trajectory.json"


def cast(task: str, alias: str, place: str) -> str:
    """The script with the recording of what stands at an anchor of the trajectory's page."""
    return f"trajectories/{task}/{alias}/casts/{place}.js"


def compare_page(task: str) -> str:
    """The page that puts attempts at a task side by side."""
    return f"compare/{task}.md"


def compare_data(task: str) -> str:
    """The script with the steps of all attempts at a task, beside that page."""
    return f"compare/{task}.js"


def grade_page(task: str) -> str:
    """The page on which a task is graded, in the annotators' edition."""
    return f"grade/{task}.md"


def grade_texts(task: str, alias: str, number: int) -> str:
    """One script with what can be quoted of an attempt, beside that page."""
    return f"grade/{task}/{alias}/{number:04d}.js"


def relative(page: str, target: str, anchor: str = "") -> str:
    """What to write on `page` to link to `target`; Markdown links are checked and rewritten by MkDocs."""
    path = _path(page, target)
    return f"{path}#{anchor}" if anchor else path


@lru_cache(1 << 12)
def _path(page: str, target: str) -> str:
    return "" if page == target else posixpath.relpath(target, posixpath.dirname(page) or ".")


def href(page: str, target: str, anchor: str = "") -> str:
    """The same for raw HTML, which MkDocs leaves alone."""
    return re.sub(r"\.md(?=#|$)", ".html", relative(page, target, anchor))


def link(text: str, page: str, target: str, anchor: str = "") -> str:
    """A Markdown link; `text` must be inert already."""
    return f"[{text}]({relative(page, target, anchor)})"


def step_anchor(step: int, call: int | None = None, lines: tuple[int, int] | None = None) -> str:
    """A step, or one of its calls counted from 1, or lines of what it returned."""
    place = f"s{step}" if call is None else f"s{step}.c{call}"
    return place if lines is None else f"{place}.L{lines[0]}" + (f"-L{lines[1]}" if lines[1] != lines[0] else "")


def milestone_anchor(milestone: str) -> str:
    """Where the steps of a milestone begin."""
    return f"m-{_safe(milestone)}"


def file_anchor(path: str) -> str:
    """A file of the final patch."""
    return f"f:{_safe(path)}"


def state_anchor(path: str, step: int, call: int) -> str:
    """A file as a call left it; paths that differ only in punctuation must not share an anchor."""
    mark = "" if _safe(path) == path else f"-{hashlib.sha256(path.encode()).hexdigest()[:6]}"
    return f"{file_anchor(path)}{mark}@{step_anchor(step, call)}"


def anchor_of_test(milestone: str, test: str | None = None) -> str:
    """A test in the final state, or all tests of a milestone."""
    if test is None:
        return f"t-{_safe(milestone)}"
    # parameters that differ only in punctuation must not share an anchor
    mark = "" if _safe(test) == test else f"-{hashlib.sha256(test.encode()).hexdigest()[:6]}"
    return f"t-{_safe(milestone)}-{_safe(test)}{mark}"


def run_anchor(annotator: str, number: int) -> str:
    """A run that an annotator recorded."""
    return f"r-{annotator}-{number:02d}"


def command_anchor(command: str) -> str:
    """A command's help."""
    return f"assay-{command}"


def criterion_anchor(criterion: str) -> str:
    """A criterion of the rubric, on the page of its task."""
    return f"c-{criterion}"


def sheet_anchor(annotator: str, alias: str | None = None) -> str:
    """An annotator's section on the page of a task, or the part on one trajectory."""
    return annotator if alias is None else f"{annotator}-on-{alias}"


def cite(kind: Kind, target: str) -> str:
    """What to write to cite the whole of a test or a file, for an attribute `data-cite`; not escaped."""
    return Citation(None, kind, target, None, None, None, 0, 0, "").place


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._/-]+", "-", text)
