"""The rule on who had another annotation in the history that theirs was committed on."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Position, Severity
from assay.lineage import seen_before
from assay.repository import is_versioned
from assay.rules import declare
from assay.workspace import Workspace

declare(
    "annotation-exposed",
    """With `independence = "branch"`, no annotation of a task was in the history on which another one was committed.

Who had it could read it: that is exposure, and no proof that it was read. The commit graph sees neither `git fetch` nor
talk, and needs merge commits: squashed and rebased pull requests look exposed. Exposed records are left out of
agreement.

Bad:
    # git log --graph
    * Add annotation of rater-2
    * Add annotation of rater-1

Good:
    *   Merge branch 'rater-2'
    |\\
    | * Add annotation of rater-2
    * | Add annotation of rater-1
    |/
""",
    Severity.WARNING,
)


def check_exposure(workspace: Workspace) -> Iterator[Diagnostic]:
    """Findings where the policy asks for branches of one's own; nothing elsewhere. Raises GitError."""
    if workspace.settings.annotations.independence != "branch" or not is_versioned(workspace.root):
        return
    by_path = {sheet.path: sheet for sheet in workspace.sheets}
    for path, seen in seen_before(workspace.root, by_path).items():
        sheet = by_path[path]
        others = [f"`{by_path[name].annotator}`" for name in seen if by_path[name].task == sheet.task]
        if others:
            message = f"`{sheet.annotator}` could have read {', '.join(others)}, which its commit's history had"
            hint = "begin on a branch from before; squashed and rebased branches always look so"
            yield Diagnostic.at(path, Position(1, 1), "annotation-exposed", message, hint=hint)
