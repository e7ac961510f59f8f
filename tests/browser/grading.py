"""The annotators' edition of the small workspace, for the page on which it is graded."""

from __future__ import annotations

from pathlib import Path

from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.sources import OUTPUT
from assay.pages.writer import write
from assay.workspace import load
from tests.pages.example import TASK, make_workspace, write_text
from tests.pages.hostile import make_hostile

PAGE = f"grade/{TASK}.html"
_PEOPLE = "format: 1\npeople:\n  - {handle: rater-1, roles: [annotator]}\n  - {handle: rater-2, roles: [annotator]}\n"


def built(root: Path, settings: str = "", *, hostile: bool = False) -> Path:
    """The annotators' edition of the small workspace, for two people who have not graded."""
    (make_hostile if hostile else make_workspace)(root)
    (root / f"annotations/{TASK}/rater-1.yaml").unlink()
    write_text(root / "annotations/people.yaml", _PEOPLE)
    write_text(root / "assay.toml", f'format = 1\ntitle = "Word counters"\n{settings}')
    write(root / "site", pages(load(root), Ranked(None), audience="annotator"))
    assert build(root) is None
    return root / OUTPUT
