"""`assay seal` and `assay reveal` of annotations: keys, signatures, stages, refusals, and what a crash leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

import assay.sealing.annotations
from assay.errors import ExitCode
from assay.rules import run
from assay.sealing.grades import RevisionError, undone
from assay.workspace import load
from tests.sealing.grading_workspace import (
    FOLDER,
    RATERS,
    TASK,
    commit,
    findings,
    git,
    make,
    pull_request,
    refused,
    run_on_task,
    seal_all,
    verdicts,
)


def test_nothing_is_revealed_before_all_have_sealed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reveal = ("reveal", TASK, "--by", "rater-1")
    assert f"{FOLDER}/rater-1.seal.json is not there" in refused(root, capsys, *reveal)
    with pull_request(root):
        run_on_task("seal", "rater-1")
    assert "`main` has no seal of `rater-2`" in refused(root, capsys, *reveal)
    run_on_task("seal", "rater-2")
    assert "`main` has no seal of `rater-2`" in refused(root, capsys, *reveal), "it is only here"
    assert "is there already" in refused(root, capsys, "seal", TASK, "--by", "rater-1")
    commit(root, "Add a seal")
    assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    assert "rater-1.reveal.json is there already" in refused(root, capsys, *reveal)


def test_what_is_not_finished_is_not_sealed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = root / FOLDER / "drafts/rater-1.yaml"
    draft.write_text(draft.read_text().replace('{holds: false, cites: ["step:5"]}', "{holds: false}"))
    found = [item for item in run(load(root)) if item.path.endswith("drafts/rater-1.yaml")]
    assert [(item.rule, item.severity) for item in found] == [("grade-no-citation", "warning")], "stops no commit"
    assert "drafts/rater-1.yaml:17:7: the verdict on" in refused(root, capsys, "seal", TASK, "--by", "rater-1")
    tidy = draft.read_text().replace("{holds: false}", '{holds: false, cites: ["step:5"]}')
    last = tidy.count("\n")
    for text, line in ((tidy.replace("step:5].", "step:5]. "), 11), (tidy.rstrip(), last), (f"{tidy}\n", last + 1)):
        draft.write_text(text)
        assert "error layout" in (said := refused(root, capsys, "seal", TASK, "--by", "rater-1"))
        assert f"rater-1.yaml:{line}: " in said
    assert "found 0" in refused(root, capsys, "seal", TASK, "--by", "nobody")
    assert "found 4" in refused(root, capsys, "seal", TASK, "--stage", "1")
    assert "one stage" in refused(root, capsys, "seal", TASK, "--by", "rater-2", "--stage", "1")
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text().replace("roles: [coordinator, annotator]", "roles: [reviewer]"))
    assert "nobody but graders" in refused(root, capsys, "seal", TASK, "--by", "rater-2")


def test_a_coordinator_opens_what_its_author_will_not(
    root: Path, secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_all(root)
    text = (root / FOLDER / "drafts/rater-1.yaml").read_text()
    shutil.rmtree(root / ".assay")
    shutil.rmtree(root / FOLDER / "drafts")
    said = refused(root, capsys, "reveal", TASK, "--by", "rater-1")
    assert "error salt-lost" in said
    assert f"`assay reveal {TASK} --by rater-1 --with KEY`" in said
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(str(pyrage.x25519.Identity.generate()))
    said = refused(root, capsys, "reveal", TASK, "--by", "rater-1", "--with", str(wrong))
    assert "error wrong-key" in said
    assert "`--with`" in said
    with pull_request(root):
        assert run_on_task("reveal", "rater-1", "--with", str(secret)) == ExitCode.CLEAN
    assert (root / FOLDER / "rater-1.yaml").read_text() == text
    assert findings(root) == []


def test_a_seal_with_something_else_in_it(root: Path, secret: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal_all(root)
    one, two = (json.loads((root / FOLDER / f"{name}.seal.json").read_text()) for name in RATERS)
    for sealed, said in (
        (two["sealed"], "seal-foreign"),
        (one["sealed"][:-80] + "A" + one["sealed"][-79:], "seal-damaged"),
        (crafted(secret, one, salt="0" * 64), "seal-mismatch"),
        (crafted(secret, one, evidence={"../../../escaped": "aGk="}), "seal-foreign"),
        (crafted(secret, one, evidence={"01.json": "no base64!"}), "seal-foreign"),
    ):
        (root / FOLDER / "rater-1.seal.json").write_text(json.dumps({**one, "sealed": sealed}))
        assert said in refused(root, capsys, "reveal", TASK, "--by", "rater-1", "--with", str(secret)), said


def crafted(secret: Path, seal: dict[str, Any], **changes: Any) -> str:
    identity = pyrage.x25519.Identity.from_str(secret.read_text())
    record = {**json.loads(pyrage.decrypt(seal["sealed"].encode(), [identity])), **changes}
    return bytes(pyrage.encrypt(json.dumps(record).encode(), [identity.to_public()], armored=True)).decode()


def test_a_reveal_that_was_cut_off_is_gone_on_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_all(root)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(assay.sealing.annotations, "AnnotationReveal", full)
        assert run_on_task("reveal", "rater-1") != ExitCode.CLEAN
    assert (root / FOLDER / "rater-1.yaml").exists()
    assert not (root / FOLDER / "rater-1.reveal.json").exists()
    assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    commit(root, "Reveal")
    assert findings(root) == []


def test_a_draft_that_went_on_stays_a_draft(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal_all(root)
    draft = root / FOLDER / "drafts/rater-1.yaml"
    before = draft.read_text()
    draft.write_text(before.replace("minutes: 12", "minutes: 99"))
    assert run_on_task("reveal", "rater-1") == ExitCode.CLEAN
    assert "differs from what was sealed" in capsys.readouterr().err
    assert (root / FOLDER / "rater-1.yaml").read_text() == before
    assert draft.exists()
    assert all(sheet.annotator != "rater-1" for sheet in load(root).drafts)


def new_key(folder: Path, name: str) -> tuple[Path, str]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    return folder / name, (folder / f"{name}.pub").read_text().strip()


def test_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (own, public), (other, foreign) = new_key(tmp_path, "own"), new_key(tmp_path, "other")
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    root = make(tmp_path / "w", tmp_path / "coordinator.txt", "signatures = true\n", public)
    assert "`--sign KEY`" in refused(root, capsys, "seal", TASK, "--by", "rater-1")
    for key in (tmp_path / "gone", tmp_path / "coordinator.txt"):
        assert str(key) in refused(root, capsys, "seal", TASK, "--by", "rater-1", "--sign", str(key))
    assert run_on_task("seal", "rater-1", "--sign", str(own)) == ExitCode.CLEAN
    assert findings(root) == []
    signature = root / FOLDER / "rater-1.seal.json.sig"
    kept = signature.read_bytes()
    signature.unlink()
    assert verdicts(root) == {("seal-signature", "rater-1.seal.json")}
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", own, root / FOLDER / "rater-1.seal.json"])
    assert verdicts(root) == {("seal-signature", "rater-1.seal.json.sig")}, "signed for another purpose"
    shutil.rmtree(root / ".assay")
    (root / FOLDER / "rater-1.seal.json").unlink()
    run_on_task("seal", "rater-1", "--sign", str(other))
    people = root / "annotations/people.yaml"
    people.write_text(people.read_text().replace(public, foreign))
    assert verdicts(root) == {("seal-signature", "rater-1.seal.json.sig")}, "a pull request cannot bring its own key"
    signature.write_bytes(kept)
    assert verdicts(root) == {("seal-signature", "rater-1.seal.json.sig")}, "of the seal that was there before"


def test_exposure_by_the_graph(root: Path) -> None:
    policy = root / "assay.toml"
    policy.write_text(policy.read_text().replace('"sealed"', '"branch"'))
    commit(root, "Other policy")
    for name in ("rater-1", "rater-2"):
        git(root, "checkout", "-q", "-b", name, "main")
        shutil.copyfile(root / FOLDER / f"drafts/{name}.yaml", root / FOLDER / f"{name}.yaml")
        commit(root, name)
    git(root, "checkout", "-q", "main")
    for name in ("rater-1", "rater-2"):
        git(root, "merge", "-q", "--no-ff", "-m", "Merge", name)
    assert findings(root) == []
    shutil.copyfile(root / FOLDER / "drafts/rater-3.yaml", root / FOLDER / "rater-3.yaml")
    commit(root, "From what is there")
    (found,) = findings(root)
    assert (found.rule, found.path, found.severity) == ("annotation-exposed", f"{FOLDER}/rater-3.yaml", "warning")
    assert "`rater-1`, `rater-2`" in found.message


KEYS = st.sampled_from(["a", "b", "c"])
DATA = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, DATA, min_size=1), st.lists(st.tuples(st.lists(KEYS, min_size=1, max_size=2), DATA)))
def test_undoing_gives_back_what_was(data: dict[str, Any], edits: list[tuple[list[str], Any]]) -> None:
    now, revisions = json.loads(json.dumps(data)), []
    for way, value in edits:
        place = now
        for key in way[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            revisions.append({"at": "/".join(way), "was": place.get(way[-1]), "now": value})
            place[way[-1]] = json.loads(json.dumps(value))
    assert undone({**now, "revisions": json.loads(json.dumps(revisions))}) == data
    if revisions:
        with pytest.raises(RevisionError):
            undone({**now, "revisions": [{**revisions[-1], "now": {"something": "else"}}]})
