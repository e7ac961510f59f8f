"""Pages are taken over only where generating them again would give the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pages import trajectory_page
from assay.pages.compose import Audience, Ranked, pages
from assay.pages.reuse import RECORD, Reuse
from assay.pages.writer import write
from assay.workspace import load
from tests.pages.example import TASK

RATER = f"annotations/{TASK}/rater-1.yaml"
LOG = f"trajectories/{TASK}/brisk-otter/trajectory.json"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets the alias of each trajectory whose page is generated."""
    asked: list[str] = []
    original = trajectory_page.page

    def noting(*given: object) -> str:
        asked.append(given[1].alias)  # type: ignore[attr-defined]
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trajectory_page, "page", noting)
    return asked


def generate(root: Path, audience: Audience = "public") -> dict[str, str]:
    reuse = Reuse(root, root / "site")
    found = pages(load(root), Ranked(None), audience=audience, reuse=reuse)
    write(root / "site", found, reuse.kept)
    reuse.remember()
    return {**found, **{path: (root / "site" / path).read_text() for path in reuse.kept}}


def afresh(root: Path, audience: Audience = "public") -> dict[str, str]:
    return pages(load(root), Ranked(None), audience=audience)


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        file = root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def test_nothing_is_generated_twice(root: Path, made: list[str]) -> None:
    first = generate(root)
    assert len(made) == 3
    assert generate(root) == first
    assert len(made) == 3


PEOPLE = "format: 1\npeople:\n  - {handle: rater-1, roles: [annotator]}\n  - {handle: rater-2, roles: [annotator]}\n"


def added(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "an annotation that cites elsewhere": edit(RATER, 'cites: ["step:4"]}', 'cites: ["step:2"]}'),
    "a verdict": edit(RATER, "small-diff: {holds: true", "small-diff: {holds: false"),
    "an annotation that is gone": lambda root: (root / RATER).unlink(),
    "a log": edit(LOG, "First I look at the script", "First I look at nothing"),
    "a milestone": edit(f"tasks/{TASK}/task.toml", 'name = "skip-words"', 'name = "drop-words"'),
    "a report": lambda root: next((root / f"trajectories/{TASK}/calm-heron/tests").glob("*.json")).unlink(),
    "a patch": lambda root: next((root / f"trajectories/{TASK}/calm-heron/patches").glob("*")).write_text(""),
    "a rubric": edit(f"tasks/{TASK}/rubric.yaml", "Only `tally.sh` is changed.", "Only one file is changed."),
    "a task's settings": edit(f"tasks/{TASK}/task.toml", 'difficulty = "easy"', 'difficulty = "hard"'),
    "an instruction": lambda root: (root / f"tasks/{TASK}/instruction.md").write_text("# Another\n"),
    "a review": lambda root: added(root / f"annotations/{TASK}/reviews/rater-3.yaml", "format: 1\n"),
    "an escalation": lambda root: added(root / f"annotations/{TASK}/escalations/broken.yaml", "format: 1\n"),
    "people": lambda root: added(root / "annotations/people.yaml", PEOPLE),
    "a replay": lambda root: added(root / f".assay/replays/{TASK}/1/replay.json", "{}"),
    "settings": edit("assay.toml", "format = 1", 'format = 1\ntitle = "Another"'),
    "a generated page that somebody edited": edit(f"site/trajectories/{TASK}/dry-finch.md", "Steps", "Stops"),
    "a generated page that is gone": lambda root: (root / f"site/trajectories/{TASK}/dry-finch.md").unlink(),
    "a trajectory that is gone": lambda root: os.rename(root / f"trajectories/{TASK}/dry-finch", root / "elsewhere"),
    "a record that cannot be read": lambda root: (root / RECORD).write_text("{"),
    "a record of something else": lambda root: (root / RECORD).write_text("[1]"),
    "a record of another version": lambda root: (root / RECORD).write_text('{"package": "x", "files": 1, "": 2}'),
}


SILENT = {
    *(change for change in CHANGES if "record" in change or "generated" in change),
    *("people", "a replay", "a review", "an escalation"),  # what is not whole, or shows in the other edition
}


@pytest.mark.parametrize("edition", ["public", "annotator"])
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_the_pages_are_those_of_a_fresh_start(root: Path, change: str, edition: Audience) -> None:
    before = generate(root, edition)
    CHANGES[change](root)
    after = generate(root, edition)
    assert after == afresh(root, edition)
    assert after != before or edition == "annotator" or change in SILENT
    assert {path: (root / "site" / path).read_text() for path in after} == after


def test_editions_do_not_take_over_from_each_other(root: Path) -> None:
    editions: tuple[Audience, ...] = ("public", "annotator", "public")
    for audience in editions:
        assert generate(root, audience) == afresh(root, audience)
