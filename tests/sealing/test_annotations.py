"""Seal and reveal of annotations in real repositories: the honest course, and everything that is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.errors import ExitCode
from assay.sealing.grades import commitment
from assay.workspace import load
from tests.sealing.grading_workspace import (
    FOLDER,
    RATERS,
    TASK,
    commit,
    findings,
    forced,
    git,
    pull_request,
    run_on_task,
    seal_all,
    verdicts,
)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_published_vector() -> None:
    record = {"verdicts": [{"criterion": "c1", "observed": "yes"}]}
    made = commitment("t-0007/b", "ana", bytes(32), record)
    assert made == "f94bffb9d8c4c15945521e719284557a109b76b72feb74592e4562aab6140cde"


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_the_honest_course(root: Path, tmp_path: Path, how: str) -> None:
    run = root / FOLDER / "evidence/rater-1/01.json"
    run.parent.mkdir(parents=True)
    run.write_text("{}")
    (run.parent / ".gitignore").write_text("*\n")
    drafts = {name: (root / FOLDER / f"drafts/{name}.yaml").read_text() for name in RATERS}
    seal_all(root, how)
    assert git(root, "ls-files", FOLDER).split() == [f"{FOLDER}/{name}.seal.json" for name in RATERS]
    assert "tie-break" not in "".join(file.read_text() for file in (root / FOLDER).glob("*.json"))
    assert findings(root) == []
    assert load(root).sheets == (), "a draft is in no result"
    for name in RATERS:
        with pull_request(root, how):
            assert run_on_task("reveal", name) == ExitCode.CLEAN
            assert findings(root) == [], "the pull request"
        assert (root / FOLDER / f"{name}.yaml").read_text() == drafts[name]
        assert not (root / FOLDER / f"drafts/{name}.yaml").exists()
    assert f"{FOLDER}/evidence/rater-1/01.json" in git(root, "ls-files", FOLDER)
    git(tmp_path, "clone", "-q", str(root), "clone")
    assert findings(tmp_path / "clone") == []
    run.write_text("{ }")
    assert verdicts(root) == {("seal-mismatch", "evidence/rater-1/01.json")}


def lands_early(root: Path) -> None:
    with pull_request(root):
        run_on_task("seal", "rater-1")
    with pull_request(root):
        forced(root, "rater-1")
    with pull_request(root):
        run_on_task("seal", "rater-2")


def lands_together(root: Path) -> None:
    with pull_request(root):
        run_on_task("seal", "rater-1")
    with pull_request(root):
        run_on_task("seal", "rater-2")
        forced(root, "rater-1")


def taken_back(root: Path) -> None:
    lands_early(root)
    with pull_request(root):
        (root / FOLDER / "rater-1.yaml").unlink()
        (root / FOLDER / "rater-1.reveal.json").unlink()


def a_draft_lands(root: Path) -> None:
    git(root, "add", "-f", f"{FOLDER}/drafts/rater-1.yaml")
    commit(root, "Oops")
    seal_all(root)


def one_is_missing(root: Path) -> None:
    with pull_request(root):
        run_on_task("seal", "rater-1")
    with pull_request(root):
        edit(root / "annotations/people.yaml", "[rater-1, rater-2]", "[rater-1]")
        forced(root, "rater-1")
        assert verdicts(root) == {("seal-incomplete", "rater-1.yaml")}, "nobody is dropped by the reveal itself"
    edit(root / "annotations/people.yaml", "[rater-1]}", "[rater-1, rater-2]}")


def never_sealed(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        shutil.copyfile(root / FOLDER / "drafts/rater-3.yaml", root / FOLDER / "rater-3.yaml")


def copied_whole(root: Path) -> None:
    with pull_request(root):
        run_on_task("seal", "rater-1")
    with pull_request(root):
        shutil.copyfile(root / FOLDER / "rater-1.seal.json", root / FOLDER / "rater-2.seal.json")


def copied_and_signed_for(root: Path) -> None:
    copied_whole(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    with pull_request(root):
        text = (root / FOLDER / "rater-1.seal.json").read_text()
        (root / FOLDER / "rater-2.seal.json").write_text(text.replace('"rater-1"', '"rater-2"'))


def edited(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        forced(root, "rater-1", lambda text: text.replace("minutes: 12", "minutes: 13"))


def without_salt(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        forced(root, "rater-1", lambda text: text.replace("minutes: 12", "minutes: 13"))
        (root / FOLDER / "rater-1.reveal.json").unlink()


def without_annotation(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        forced(root, "rater-1")
    with pull_request(root):
        (root / FOLDER / "rater-1.yaml").unlink()


def seal_swapped_on_main(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        (root / FOLDER / "rater-1.seal.json").unlink()
        run_on_task("seal", "rater-1")


def seal_swapped_here(root: Path) -> None:
    seal_all(root)
    (root / FOLDER / "rater-1.seal.json").unlink()
    run_on_task("seal", "rater-1")


def written_anew(root: Path) -> None:
    """The first reveal was read before the second seal was made; main is then forced to look otherwise."""
    lands_early(root)
    first = git(root, "rev-list", "--max-parents=0", "HEAD")
    names = ("rater-1.seal.json", "rater-2.seal.json", "rater-1.yaml", "rater-1.reveal.json")
    kept = {root / FOLDER / name: (root / FOLDER / name).read_bytes() for name in names}
    git(root, "reset", "-q", "--hard", first)
    for file, content in kept.items():
        file.write_bytes(content)
        commit(root, f"Add {file.name}")


def coordinator_grades(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        forced(root, "rater-1")
    shutil.copyfile(root / FOLDER / "rater-1.seal.json", root / FOLDER / "lead.seal.json")
    edit(root / FOLDER / "lead.seal.json", '"annotator": "rater-1"', '"annotator": "lead"')
    edit(root / FOLDER / "lead.seal.json", '"commitment": "', '"commitment": "0000')
    text = (root / FOLDER / "lead.seal.json").read_text()
    record = json.loads(text)
    record["commitment"] = record["commitment"][:64]
    (root / FOLDER / "lead.seal.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        (lands_early, {("seal-early-reveal", "rater-1.yaml")}),
        (lands_together, {("seal-early-reveal", "rater-1.yaml")}),
        (taken_back, {("seal-early-reveal", "rater-1.yaml")}),
        (a_draft_lands, {("seal-early-reveal", "drafts/rater-1.yaml")}),
        (one_is_missing, {("seal-incomplete", "rater-1.yaml")}),
        (never_sealed, {("seal-incomplete", "rater-3.yaml")}),
        (copied_whole, {("seal-copied", "rater-2.seal.json")}),
        (copied_and_signed_for, {("seal-copied", "rater-2.seal.json")}),
        (edited, {("seal-mismatch", "rater-1.yaml")}),
        (without_salt, {("seal-mismatch", "rater-1.yaml")}),
        (without_annotation, {("seal-mismatch", "rater-1.reveal.json")}),
        (seal_swapped_on_main, {("seal-changed", "rater-1.seal.json")}),
        (seal_swapped_here, {("seal-changed", "rater-1.seal.json")}),
        (written_anew, {("seal-rewritten", "rater-1.reveal.json")}),
        (
            coordinator_grades,
            {("seal-coordinator-annotates", "lead.seal.json"), ("seal-late", "lead.seal.json")},
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_each_scheme_has_its_verdict(root: Path, scheme: Callable[[Path], None], said: set[tuple[str, str]]) -> None:
    scheme(root)
    assert verdicts(root) == said


def test_a_copied_seal_opens_under_nobody_elses_name(root: Path) -> None:
    """Renamed inside and with nothing left of the original, so that only the reveal shows it."""
    copied_and_signed_for(root)
    (root / FOLDER / "rater-1.seal.json").unlink()
    text = (root / FOLDER / "drafts/rater-2.yaml").read_text()
    (root / FOLDER / "rater-2.yaml").write_text(text)
    salt = json.loads((root / ".assay/seals" / TASK / "rater-1.json").read_text())["salt"]
    record = {"format": 1, "task": TASK, "annotator": "rater-2", "main": None, "whole": {"salt": salt}}
    (root / FOLDER / "rater-2.reveal.json").write_text(json.dumps(record))
    assert ("seal-copied", "rater-2.seal.json") in verdicts(root)


def test_corrections_are_revisions_and_layout_is_free(root: Path) -> None:
    seal_all(root)
    with pull_request(root):
        run_on_task("reveal", "rater-1")
    file = root / FOLDER / "rater-1.yaml"
    file.write_text("# a remark\n" + file.read_text().replace("minutes: 12", "minutes:    12  # about"))
    assert findings(root) == []
    edit(file, "minutes:    12 ", "minutes: 13.5")
    at = '{at: minutes, was: 12, now: 13.5, by: rater-1, reason: "slept on it"}'
    note = '{at: grades/calm-heron/criteria/keeps-order/note, was: null, now: "Ties.", by: rater-1, reason: "clearer"}'
    edit(file, 'keeps-order: {holds: false, cites: ["test:keep-order/test_ties"]', "\\g")
    edit(file, "\\g", 'keeps-order: {holds: false, note: "Ties.", cites: ["test:keep-order/test_ties"]')
    file.write_text(f"{file.read_text()}revisions:\n  - {at}\n  - {note}\n")
    assert findings(root) == []
    for old, new in (("now: 13.5", "now: 14"), ("at: minutes", "at: hours/all"), ("by: rater-1", "by: x")):
        before = file.read_text()
        file.write_text(before.replace(old, new, 1))
        assert {rule for rule, _ in verdicts(root)} == {"revision-broken"}, new
        file.write_text(before)
    edit(file, "was: 12", "was: 11")
    assert verdicts(root) == {("seal-mismatch", "rater-1.yaml")}


def test_what_was_there_before_the_policy_stays_valid(root: Path) -> None:
    shutil.copyfile(root / FOLDER / "drafts/rater-1.yaml", root / FOLDER / "rater-1.yaml")
    commit(root, "From before")
    assert verdicts(root) == {("seal-incomplete", "rater-1.yaml")}
    with (root / "assay.toml").open("a") as settings:
        settings.write(f'since = "{git(root, "rev-parse", "HEAD")}"\n')
    assert findings(root) == []
    edit(root / "assay.toml", 'since = "', 'since = "00000000')
    edit(root / "assay.toml", git(root, "rev-parse", "HEAD"), git(root, "rev-parse", "HEAD")[:32])
    assert ("seal-rewritten", "assay.toml") in verdicts(root)


def test_without_history_nothing_is_claimed(root: Path, tmp_path: Path) -> None:
    seal_all(root)
    with pull_request(root):
        run_on_task("reveal", "rater-1")
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{root}", tmp_path / "shallow"], check=True)
    (notice,) = findings(tmp_path / "shallow")
    assert (notice.rule, notice.severity) == ("seal-unchecked", "note")
    assert "git fetch --unshallow" in notice.hint
    shutil.rmtree(root / ".git")
    for _ in ("no repository", "no commit"):
        (notice,) = findings(root)
        assert notice.rule == "seal-unchecked"
        git(root, "init", "-q")


def test_without_assignments_it_is_a_number(root: Path) -> None:
    edit(root / "annotations/people.yaml", "assigned: {row-merge: [rater-1, rater-2]}", "")
    commit(root, "Nobody is assigned")
    with pull_request(root):
        run_on_task("seal", "rater-1")
    assert run_on_task("reveal", "rater-1") == ExitCode.USAGE
    with pull_request(root):
        run_on_task("seal", "rater-2")
    with pull_request(root):
        assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    assert findings(root) == []
    with pull_request(root):
        run_on_task("seal", "rater-3")
    assert verdicts(root) == {("seal-late", "rater-3.seal.json")}
