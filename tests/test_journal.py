"""Whatever is left of a journal can be read, and what it says has ended has whole evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import EnvironmentMissingError
from assay.executors.owners import labels
from assay.replay.journal import FILE, STAGE, Journal, Past, adopt, entries, newest
from assay.replay.stages import Plan, StageRun, undecided

SAME = {"task": "tally", "content_sha256": "0" * 64, "image": "sha256:" + "1" * 64, "harness": "assay 1"}
PLANS = [Plan("no-op", "no-op", 1, {"one": False}), *(Plan("oracle", "oracle", n, {"one": True}, 1) for n in (1, 2, 3))]


def decided(plan: Plan) -> StageRun:
    """A stage that came out as a plant that broke the verifier does: decided, and without any report."""
    stage = undecided(plan, "").stage.model_copy(update={"kind": "hijack", "outcome": "invalid-verifier"})
    return StageRun(stage, {"one": b"log\n"})


def written(folder: Path, dead: bool = True) -> Journal:
    owner = labels("run") | ({"assay.start": "1"} if dead else {})
    journal = Journal(folder, {**SAME, "owner": owner, "resumed": "", "superseded": []})
    for plan in PLANS:
        journal.started(plan.name if plan.number == 1 else f"{plan.name}-{plan.number}", "here:1")
    for plan in PLANS[:2]:
        journal.ended(plan, decided(plan))
    journal.ended(PLANS[2], undecided(PLANS[2], "the engine went away\nand more"))
    return journal


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_any_prefix_is_readable_and_claims_only_stages_with_a_whole_file(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "whole"
    if not folder.exists():
        written(folder)
    content = (folder / FILE).read_bytes()
    part = tmp_path / "part"
    (part / "20260101T000000Z-a").mkdir(parents=True, exist_ok=True)
    (part / "20260101T000000Z-a" / FILE).write_bytes(content[: data.draw(st.integers(0, len(content)))])

    # the evidence is elsewhere: nothing may be claimed
    past = newest(part, {})
    assert past is None or past.decided() == {}
    # the evidence is there, all but one stage, which is cut short
    lines = entries((part / "20260101T000000Z-a" / FILE).read_bytes())
    if lines:
        found = Past(folder, lines).decided()
        assert set(found) <= {"no-op", "oracle"}
        assert {item.stage for item in Past(folder, lines).superseded()}.isdisjoint(found)


def test_a_stage_file_that_was_cut_short_or_changed_is_no_result(tmp_path: Path) -> None:
    written(tmp_path)
    file = tmp_path / "oracle" / STAGE
    file.write_bytes(file.read_bytes()[:-20])

    past = Past(tmp_path, entries((tmp_path / FILE).read_bytes()))

    assert set(past.decided()) == {"no-op"}
    assert [(item.stage, item.reason) for item in past.superseded()] == [
        ("oracle", "invalid-verifier: "),
        ("oracle-2", "invalid-environment: the engine went away"),
        ("oracle-3", "interrupted"),
    ]


@pytest.mark.parametrize("name", list(SAME))
def test_only_a_replay_of_the_same_things_is_gone_on_with(tmp_path: Path, name: str) -> None:
    written(tmp_path / "a")
    other = Journal(tmp_path / "b", {**SAME, name: "other", "owner": labels("run")})
    other.closed("invalid", [])

    past = newest(tmp_path, SAME)

    assert past is not None
    assert (past.folder.name, past.left_open) == ("a", True)
    assert newest(tmp_path, {**SAME, name: "third"}) is None


def test_one_whose_owner_lives_is_left_alone_and_one_of_a_newer_format_not_read(tmp_path: Path) -> None:
    written(tmp_path / "a", dead=False)
    written(tmp_path / "b")
    file = tmp_path / "b" / FILE
    file.write_bytes(file.read_bytes().replace(b'"format": 1', b'"format": 2'))

    past = newest(tmp_path, SAME)

    assert past is not None
    assert (past.folder.name, past.left_open) == ("a", False)


@pytest.mark.parametrize(
    ("again", "open_stage", "goes_on"), [([], True, True), ([], False, False), (["scan"], False, True)]
)
def test_one_that_is_closed_is_gone_on_with_when_it_left_something_open(
    tmp_path: Path, again: list[str], open_stage: bool, goes_on: bool
) -> None:
    journal = written(tmp_path, dead=False)
    if not open_stage:
        journal.ended(PLANS[2], decided(PLANS[2]))
    journal.closed("invalid", again)

    assert Past(tmp_path, entries((tmp_path / FILE).read_bytes())).left_open is goes_on


def test_what_is_taken_over_stays_where_it_was(tmp_path: Path) -> None:
    written(tmp_path / "a")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    past = newest(tmp_path, {})
    assert past is not None

    adopt(past, list(past.decided()), tmp_path / "b")
    (tmp_path / "b/oracle/one.log").unlink()

    assert {file: file.read_bytes() for file in before} == before
    assert (tmp_path / "b/oracle" / STAGE).read_bytes() == (tmp_path / "a/oracle" / STAGE).read_bytes()


def test_a_folder_that_takes_no_files_ends_the_replay_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EnvironmentMissingError) as caught:
        written(tmp_path / "file/below")

    assert "not a directory" in caught.value.render()
    assert "run the same command again" in caught.value.render()
