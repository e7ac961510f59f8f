"""The edition for annotators, every byte of it: nothing of who made an attempt, and nothing that anybody else said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from tests.pages.example import ROOT
from tests.rules.overlay import build

RULES = ROOT / "tests/rules"
FOLDER = "annotations/row-merge"
SECRETS = {
    "agent": "zanzibar-coder",
    "model": "quuxmodel-9",
    "draft": "draftword",
    "rationale": "rationaleword",
    "comparison": "comparisonword",
    "note": "noteword",
    "cue": "cueword",
    "review": "reviewword",
    "decision": "decisionword",
    "judge": "judgeword",
    "gold": "goldword",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that is almost over: opened, reviewed, adjudicated, with a draft, a judge and answers that are known."""
    examples = ("review-stale", "adjudication-needless", "escalation-effects")
    root = build(tmp_path_factory.mktemp("study"), *(RULES / name / "bad" for name in examples))
    shutil.copy(ROOT / "mkdocs.yml", root / "mkdocs.yml")
    (root / "site").mkdir()
    (root / "site/about.md").write_text("# About\n")
    sheet = (root / f"{FOLDER}/rater-1.yaml").read_text()
    told = sheet.replace("Restores the", f"{SECRETS['rationale']} restores the")
    told = told.replace("Only one of the two", f"{SECRETS['comparison']} only one of the two")
    told = told.replace("The last message names no file.", f"{SECRETS['note']} names no file.")
    guess = f"    identity_guess: {{agent: {SECRETS['agent']}, confidence: 0.9, cue: {SECRETS['cue']}}}\n  calm-heron:"
    (root / f"{FOLDER}/rater-1.yaml").write_text(told.replace("  calm-heron:", guess, 1))
    for place, name in (("drafts/rater-9", "draft"), ("judges/model-7", "judge")):
        file = root / FOLDER / f"{place}.yaml"
        file.parent.mkdir()
        text = sheet.replace("annotator: rater-1", f"annotator: {file.stem}")
        file.write_text(text.replace("Restores the", f"{SECRETS[name]} restores the"))
    review, decided = root / f"{FOLDER}/reviews/rater-3.yaml", root / f"{FOLDER}/adjudication.yaml"
    said = f"comments: [{{at: comparison, says: {SECRETS['review']}}}]"
    review.write_text(review.read_text().replace("comments: []", said))
    decided.write_text(decided.read_text().replace("The names say", f"{SECRETS['decision']}: the names say"))
    identity = {"agent": SECRETS["agent"], "version": None, "model": SECRETS["model"], "source_format": "atif"}
    known: dict[str, object] = {**identity, "source_sha256": "1" * 64, "extra": {}}
    who = dict.fromkeys(("brisk-otter", "calm-heron"), known)
    opening = {"format": 1, "task": "row-merge", "key": "c" * 64, "identities": who}
    (root / "trajectories/row-merge/opening.json").write_text(json.dumps(opening))
    (root / ".assay/gold").mkdir(parents=True)
    (root / ".assay/gold/row-merge.yaml").write_text(f"# {SECRETS['gold']}\n")
    (root / ".assay/identities").mkdir(parents=True)
    (root / ".assay/identities/row-merge.json").write_text(
        json.dumps({"format": 1, "task": "row-merge", "identities": who})
    )
    return root


def contents(root: Path) -> dict[str, str]:
    site = root / "build/site"
    files = [file for file in sorted(site.rglob("*")) if file.is_file()]
    return {file.relative_to(site).as_posix(): file.read_bytes().decode("utf-8", errors="replace") for file in files}


def test_nothing_that_could_steer_an_annotator_is_in_it(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study)
    assert main(["site", "--audience", "annotator"]) == ExitCode.CLEAN
    found = contents(study)
    assert "trajectories/row-merge/brisk-otter.html" in found
    for name, secret in SECRETS.items():
        assert [path for path, text in found.items() if secret in text] == [], name
    own = [path for path, text in found.items() if path not in ("rules.html", "commands.html")]
    manual = ("rules", "commands", "search/", "agents", "about")
    for handle in ("rater-1", "rater-2", "rater-9", "model-7"):
        named = [path for path in own if handle in found[path] and not path.startswith(manual)]
        told = ("grade", "work", "tasks")  # for whom a page is, what waits for whom, who raised an escalation
        assert named == [path for path in named if path.startswith(told)], handle
    assert not [path for path in found if path.startswith("ranking.") and path != "ranking.html"]


def test_after_the_opening_the_public_edition_has_what_people_said(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words are looked for, so that the scan above cannot pass because nothing is found at all."""
    monkeypatch.chdir(study)
    assert main(["site"]) == ExitCode.CLEAN
    everything = "\n".join(contents(study).values())
    for name in ("rationale", "comparison", "note", "review", "decision"):
        assert SECRETS[name] in everything, name
    for name in ("draft", "gold"):
        assert SECRETS[name] not in everything, name
