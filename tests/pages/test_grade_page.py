"""The page for grading: who gets it, what it knows, and what it must not know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assay.model.settings import SitePolicy
from assay.pages import grade_texts
from assay.pages.compose import Audience, Ranked, pages
from assay.pages.grade_data import data
from assay.sealing.order import presented
from assay.workspace import load
from tests.pages.example import ALIASES, TASK, step, write_attempt, write_text

PAGE = f"grade/{TASK}.md"
BLOCK = re.compile(r'<script type="application/json" id="as-grade-data">(.*)</script>')


def made(root: Path, audience: Audience = "annotator") -> dict[str, str]:
    return pages(load(root), Ranked(None), audience=audience)


def known(root: Path) -> dict[str, Any]:
    workspace = load(root)
    return data(workspace, workspace.tasks[TASK])


def test_only_annotators_get_it(root: Path) -> None:
    assert PAGE in made(root)
    assert PAGE not in made(root, "public")
    link = f"[Grade them here](../../{PAGE})"
    assert link in made(root)[f"tasks/{TASK}/index.md"]
    assert link not in made(root, "public")[f"tasks/{TASK}/index.md"]


@pytest.mark.parametrize(
    "missing", ["annotations/guidelines.md", "annotations/people.yaml", f"tasks/{TASK}/rubric.yaml"]
)
def test_without_what_a_new_annotation_needs_there_is_none(root: Path, missing: str) -> None:
    (root / missing).unlink()
    assert PAGE not in made(root)


def test_the_order_is_everybodys_own(root: Path) -> None:
    people = ["rater-1", "rater-2", "lead"]
    roles = ["annotator", "annotator", "coordinator"]
    rows = [f"{{handle: {name}, roles: [{role}]}}" for name, role in zip(people, roles, strict=True)]
    write_text(root / "annotations/people.yaml", f"format: 1\npeople: [{', '.join(rows)}]\n")
    seed = load(root).settings.seed
    wanted = {name: presented(ALIASES, seed, TASK, name) for name in people[:2]}
    assert {name: person["order"] for name, person in known(root)["people"].items()} == wanted


def test_it_knows_nothing_of_what_others_wrote(root: Path) -> None:
    before = made(root)[PAGE]
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    assert "words, not bytes" in sheet.read_text(encoding="utf-8")
    sheet.unlink()
    assert made(root)[PAGE] == before
    assert "words, not bytes" not in before


def test_what_can_be_cited(root: Path) -> None:
    attempt = known(root)["attempts"]["dry-finch"]
    assert attempt["steps"] == [[1], [1, 2], [1, 2], [1]]
    assert attempt["tests"] == {"count-words": {"test_counts": "failed"}, "skip-words": {"test_skips": "failed"}}
    assert [(file["path"], file["shown"]) for file in attempt["files"]] == [
        ("tally.sh", [[1, 5]]),
        ("skip.txt", [[1, 2]]),
    ]


def test_the_texts_of_quotes_are_only_in_this_edition(root: Path) -> None:
    found = {
        path: text for path, text in made(root).items() if re.fullmatch(rf"grade/{TASK}/[a-z-]+/\d{{4}}\.js", path)
    }
    assert sorted(found) == [f"grade/{TASK}/{alias}/{number:04d}.js" for alias in ALIASES for number in (0, 1)]
    assert not [path for path in made(root, "public") if path.startswith("grade/")]
    for text in found.values():
        assert text.isascii()
        assert text.startswith("/* generated: assay */\n__assayTexts(...[")
        assert "<" not in text


def test_a_long_log_is_cut_between_steps(root: Path) -> None:
    write_attempt(root, "dry-finch", steps=[step(n, "agent", "Go.", "run", "x" * 100_000) for n in range(1, 8)])
    assert known(root)["attempts"]["dry-finch"]["texts"] == [1, 4, 7]
    texts = {path: text for path, text in made(root).items() if path.startswith(f"grade/{TASK}/dry-finch/")}
    assert len(texts) == 4
    assert max(map(len, texts.values())) < grade_texts.LIMIT + 100_000 + 2_000


def test_the_block_cannot_end_early(root: Path) -> None:
    rubric = root / f"tasks/{TASK}/rubric.yaml"
    text = rubric.read_text(encoding="utf-8")
    hostile = "</script><img onerror=x> <!-- \\u2028"
    write_text(rubric, text.replace("Only `tally.sh` is changed.", hostile))
    (found,) = BLOCK.findall(made(root)[PAGE])
    assert "<" not in found
    assert found.isascii()
    assert json.loads(found)["criteria"][2]["statement"].startswith("</script><img onerror=x>")


def test_drafts_of_sealed_annotations_have_their_place(root: Path) -> None:
    write_text(root / "assay.toml", 'format = 1\n[annotations]\nindependence = "sealed"\nstages = 2\n')
    found = known(root)
    assert found["people"]["rater-1"]["path"] == f"annotations/{TASK}/drafts/rater-1.yaml"
    assert (found["sealed"], found["stages"], found["first"]) == (True, 2, ["counts-right", "small-diff"])


@pytest.mark.parametrize("forge", ["https://github.com/o/r/new/main", "https://git.example.org/a/b/c/-/new/main"])
def test_a_forge_is_an_address_for_new_files(forge: str) -> None:
    assert SitePolicy(forge=forge).forge == forge


@pytest.mark.parametrize(
    "forge", ["http://github.com/o/r/new/main", "https://github.com/o/r", "javascript:/new/x", "https://x/new/a?b"]
)
def test_other_addresses_are_refused(forge: str) -> None:
    with pytest.raises(ValidationError, match="forge"):
        SitePolicy(forge=forge)
