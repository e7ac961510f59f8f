"""How long annotations took, as a section of the page on quality."""

from __future__ import annotations

from assay.pages import markup
from assay.pages.inert import inline
from assay.results.pace import SECONDS, paces
from assay.workspace import Workspace

HOW_TO_READ = f"""A time is implausible when it is less than {SECONDS} seconds for each graded step, too little to read
it, or more than eight hours.
{{: .as-quiet }}
"""


def section(workspace: Workspace) -> str:
    """Markdown with its heading; empty without annotations."""
    found = paces(workspace)
    if not found:
        return ""
    rows = [
        (
            inline(name) or "all",
            str(pace.annotations),
            f"{pace.middle:g} min",
            f"{pace.least:g} to {pace.most:g} min",
            f"{pace.implausible} of {pace.annotations}",
        )
        for name, pace in found.items()
    ]
    table = markup.table(("annotator", "annotations", "median", "range", "implausible"), rows)
    return f"## Time {{#time}}\n\n{table}\n{HOW_TO_READ}\n"
