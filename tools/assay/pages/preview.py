"""A site of no more than what a pull request touches, for its reviewers: quick also where there is much else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.diagnostics import Diagnostic
from assay.errors import UsageError
from assay.pages import compose, links, markup, mending, policy, staging
from assay.pages.building import mkdocs, require
from assay.pages.inert import inline, raw
from assay.pages.sources import CONFIGURATION
from assay.pages.writer import ASSETS, DOCS, MARK, assets
from assay.workspace import Workspace

OUTPUT = "build/preview"
SHOWN = 100
"""Findings and files that the first page lists."""
_OURS = re.compile(r"(tasks|trajectories|annotations)/([^/]+)/(?:([^/]+)/)?")
_ABSENT = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Not in this preview</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{up}{styles}"></head>
<body class="as-absent"><main><h1>Not in this preview</h1>
<p>This page is left out: the preview has what was changed since <code>{since}</code>.</p>
<p><a href="{up}index.html">What was changed</a></p></main></body></html>
"""


@dataclass(frozen=True)
class Touched:
    """What a pull request changes: tasks with the trajectories to show, and pages written by hand."""

    tasks: Mapping[str, Sequence[str]]
    pages: Sequence[str]


def tasks(changed: Collection[str]) -> frozenset[str]:
    """The tasks that the changed paths belong to."""
    return frozenset(found[2] for path in changed if (found := _OURS.match(path)))


def touched(workspace: Workspace, changed: Collection[str]) -> Touched:
    """Of trajectories those that are changed or that a changed annotation is about."""
    about: dict[str, set[str]] = {task: set() for task in tasks(changed) if task in workspace.tasks}
    for path in changed:
        found = _OURS.match(path)
        if found and found[1] == "trajectories" and found[2] in about:
            about[found[2]].add(found[3] or "")
    for sheet in workspace.sheets:
        if sheet.entry and sheet.task in about and sheet.path in changed:
            about[sheet.task] |= sheet.entry.record.grades.keys()
    shown = {task: sorted(about[task] & workspace.attempts.get(task, {}).keys()) for task in sorted(about)}
    docs = workspace.root / DOCS
    written = (path.removeprefix(f"{DOCS}/") for path in sorted(changed) if path.startswith(f"{DOCS}/"))
    return Touched(shown, [path for path in written if _is_shown(path) and _is_by_hand(docs / path)])


def build(
    workspace: Workspace,
    changed: Collection[str],
    since: str,
    findings: Sequence[Diagnostic],
    audience: compose.Audience,
) -> str | None:
    """Build the preview into `build/preview`; what MkDocs said when it refused.

    Links to what is not in it lead to a page that says so; whether their anchors are there is for the whole site to
    tell. For annotators findings on annotations are left out: they quote what others wrote. Raises UsageError and
    EnvironmentMissingError as `building.require` does, and for settings of which nobody knows what a page shows of
    other pages.
    """
    root = workspace.root
    require(root)
    if not staging.is_plain((root / CONFIGURATION).read_text(encoding="utf-8")):
        message = f"{CONFIGURATION} has plugins, hooks or a theme that a preview cannot follow"
        raise UsageError("preview-settings", message, "build the whole site: leave out `--since`")
    workspace = compose.with_safe_names(workspace)
    annotated = audience == "public"
    told = [item for item in findings if annotated or not item.path.startswith("annotations/")]
    found = touched(workspace, changed)
    made: dict[str, str] = {}
    for task, aliases in found.tasks.items():
        made |= compose.of_task(workspace, task, annotated=annotated, aliases=aliases)
    texts = {path: (root / DOCS / path).read_text(encoding="utf-8") for path in found.pages}
    texts |= {path: text for path, text in made.items() if path.endswith(".md")}
    texts[links.HOME] = _home(found, changed, since, told)
    known, absent = _known(workspace), set[str]()

    def stand_in(path: str, anchors: frozenset[str]) -> str | None:
        if not path.endswith(".md"):
            return "" if path in made or (root / DOCS / path).is_file() else None
        if path not in known and not (root / DOCS / path).is_file():
            return None
        absent.add(path)
        return staging.nothing(anchors)

    staged = staging.stage(root, texts, stand_in)
    refusal = mkdocs(root, "--config-file", f"{staging.FOLDER}/mkdocs.yml")
    if refusal is None:
        _finish(root, staged, {path: text for path, text in made.items() if path not in texts}, absent, since)
    shutil.rmtree(root / staging.FOLDER, ignore_errors=True)
    return refusal


def _is_shown(path: str) -> bool:
    return path.endswith(".md") and not path.endswith("README.md") and not staging.is_hidden(path)


def _is_by_hand(file: Path) -> bool:
    return file.is_file() and not file.read_text(encoding="utf-8").startswith(MARK)


def _known(workspace: Workspace) -> frozenset[str]:
    """Pages that the whole site has, as far as others lead there."""
    found = {links.TASKS, links.RANKING, links.QUALITY, links.RULES, links.QUEUE, links.GUIDELINES, links.COMMANDS}
    for task in workspace.tasks:
        found |= {links.task_page(task), links.compare_page(task), links.grade_page(task)}
        folders = (workspace.root / "trajectories" / task).glob("*/")
        found |= {links.trajectory_page(task, folder.name) for folder in folders}
    return frozenset(found)


def _finish(root: Path, staged: staging.Stage, files: Mapping[str, str], absent: Collection[str], since: str) -> None:
    site = staged.site
    mending.copy_files(root / DOCS, site, _pictures(root / DOCS))
    for path, content in [*((f"{ASSETS}/{name}", data) for name, data in assets()), *_encoded(files)]:
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    for path in absent:
        file = site / staging.output(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        up, styles = "../" * path.count("/"), f"{ASSETS}/assay.css"
        file.write_text(_ABSENT.format(up=up, styles=styles, since=raw(since)), encoding="utf-8")
    policy.finalize(site, {staging.output(path): staged.page(path) for path in staged.pages})
    shutil.rmtree(root / OUTPUT, ignore_errors=True)
    site.rename(root / OUTPUT)


def _encoded(files: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(path, text.encode()) for path, text in files.items()]


def _pictures(docs: Path) -> list[str]:
    """Files that people put beside their pages."""
    kinds = {".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp"}
    return [file.relative_to(docs).as_posix() for file in docs.rglob("*") if file.suffix.lower() in kinds]


def _home(found: Touched, changed: Collection[str], since: str, findings: Sequence[Diagnostic]) -> str:
    lead = (
        f"{markup.count(len(changed), 'file')} changed since this branch left it. This preview has the pages of these "
        "tasks and trajectories and no others."
    )
    pieces = [markup.front_matter("Changes"), f"\n# Changes since {inline(since)}\n\n{lead}\n{{: .as-lead }}\n\n"]
    rows = [
        (
            links.link(inline(task), links.HOME, links.task_page(task)),
            ", ".join(links.link(inline(alias), links.HOME, links.trajectory_page(task, alias)) for alias in aliases),
        )
        for task, aliases in found.tasks.items()
    ]
    rows += [(links.link(inline(path), links.HOME, path), "") for path in found.pages]
    pieces.append(markup.table(("page", "trajectories"), rows) if rows else "No page of the site is touched.\n")
    pieces.append("\n## Findings {#findings}\n\n")
    told = [
        (
            item.severity.value,
            f"<code>{inline(item.path)}&#58;{item.line}</code>",
            inline(item.rule),
            inline(item.message),
        )
        for item in findings[:SHOWN]
    ]
    head = ("severity", "place", "rule", "message")
    pieces.append(
        markup.table(head, told, kind="stacked") if told else "`assay check` finds nothing wrong in these files.\n"
    )
    pieces.append(_rest(len(findings)))
    pieces.append("\n## Files {#files}\n\n")
    pieces += [f"- <code>{inline(path)}</code>\n" for path in sorted(changed)[:SHOWN]]
    return "".join([*pieces, _rest(len(changed))])


def _rest(number: int) -> str:
    return f"\nand {number - SHOWN} more.\n" if number > SHOWN else ""
