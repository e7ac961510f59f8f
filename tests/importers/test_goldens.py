"""All formats against expected files, and what the import says about itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from assay.importers import BUILT_IN, Source, registry
from tests.importers.reading import FIXTURES, LOGS, attempts, expected_file, imported, only, readable, written


@pytest.mark.parametrize("name", LOGS)
def test_the_written_trajectory(name: str) -> None:
    for attempt in attempts(name):
        text = written(attempt)
        assert text == expected_file(LOGS[name], attempt).read_text(encoding="utf-8")
        assert readable(text) == attempt.trajectory


def test_every_importer_has_a_fixture_that_it_alone_knows() -> None:
    assert {name.partition("/")[0] for name in LOGS} >= set(BUILT_IN)
    for name, path in LOGS.items():
        assert registry().read(path)[0] == name.partition("/")[0]
        known = [importer for importer in BUILT_IN if registry().get(importer).sniff(Source(path))]
        assert known == [name.partition("/")[0]]


@pytest.mark.parametrize("name", LOGS)
def test_importing_what_was_written_changes_nothing(name: str, tmp_path: Path) -> None:
    for attempt in attempts(name):
        (tmp_path / "log.json").write_text(written(attempt), encoding="utf-8")
        form, (second,) = registry().read(tmp_path / "log.json")
        assert form == "atif"
        assert second.trajectory == attempt.trajectory
        assert second.report.masked == ()
        assert second.report.skipped == {}


@pytest.mark.parametrize("name", [name for name, path in LOGS.items() if path.is_file()])
def test_line_ends_and_a_byte_order_mark_make_no_difference(name: str, tmp_path: Path) -> None:
    content = LOGS[name].read_bytes()
    if b"\0" in content:
        pytest.skip("not a text")
    folder = shutil.copytree(LOGS[name].parent, tmp_path / "logs")  # with what lies beside it
    (folder / "log").write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    found = registry().read(folder / "log")[1]
    assert [attempt.trajectory for attempt in found] == [attempt.trajectory for attempt in attempts(name)]


def test_opencode_accounts_for_every_part() -> None:
    report = imported("opencode/export.json").report
    assert (report.steps, report.calls, report.observations) == (5, 6, 5)
    assert (report.prompt_tokens, report.completion_tokens) == (6950, 132)
    assert report.skipped == {"message of role `narrator`": 1, "part `hologram`": 1}
    assert report.dropped == (
        "1 × attachment",
        "1 × cost",
        "1 × empty reply",
        "1 × patch part (a hash and file names)",
        "1 × reasoning without text (empty or encrypted)",
        "1 × second copy of a change or a preview",
        "1 × session title",
        "1 × text that the program put into the user's message",
        "6 × timestamp",
    )
    assert "replies that ended in MessageAbortedError: 1" in report.notes
    assert "tool calls without a result: 1" in report.notes
    assert "A pair of quotes around the first prompt was removed." in report.notes


def test_opencode_identity_is_kept_apart() -> None:
    identity = imported("opencode/export.json").identity
    assert (identity.agent, identity.version) == ("opencode", "1.18.33")
    assert identity.model == "fable-labs/fable-large-20260101"
    assert identity.extra["directory"] == "/home/devuser/loader"
    assert json.loads(identity.extra["tools"])["bash"] == "shell"


def test_exit_codes_are_native_or_absent() -> None:
    facts = {
        result.source_call_id: result.exit_code
        for step in imported("opencode/export.json").trajectory.steps
        for result in (step.observation.results if step.observation else ())
    }
    assert facts == {"call-1": 0, "call-2": None, "call-3": None, "call-4": None, "call-5": 1}


def test_a_bare_list_of_messages_is_a_session_too(tmp_path: Path) -> None:
    data = json.loads((FIXTURES / "opencode/export.json").read_text(encoding="utf-8"))
    (tmp_path / "messages.json").write_text(json.dumps(data["messages"]), encoding="utf-8")
    form, (found,) = registry().read(tmp_path / "messages.json")
    assert form == "opencode"
    assert found.trajectory == imported("opencode/export.json").trajectory
    assert found.identity.version is None


def test_a_continuation_is_followed_and_copies_are_not_counted() -> None:
    log = imported("atif/atif-1.8.json")
    assert [file.name for file in log.files] == ["atif-1.8.json", "atif-1.8.cont-1.json", "atif-1.8.reader.json"]
    assert [step.text for step in log.trajectory.steps].count("I delegate the search.") == 1
    assert log.report.prompt_tokens == 500 + 300 + 310 + 70 + 11
    assert "Steps of copied context that were left out: 2." in (log.trajectory.notes or "")
    assert log.report.skipped == {"key `mood` of a step": 1}


def test_delegated_runs_stay_and_are_found() -> None:
    log = imported("atif/atif-1.8.json").trajectory
    children = {child.trajectory_id: child for child in log.subagent_trajectories or ()}
    assert list(children) == ["delegated-1", "delegated-2"]
    results = log.steps[1].observation.results if log.steps[1].observation else []
    refs = [ref.trajectory_id for result in results for ref in result.subagent_trajectory_ref or ()]
    assert refs == ["delegated-1", "delegated-2"]
    assert children["delegated-2"].steps[1].text == "read it"


def test_files_outside_the_logs_folder_are_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "logs"
    inside.mkdir()
    outside = json.loads((FIXTURES / "atif/atif-1.8.cont-1.json").read_text(encoding="utf-8"))
    (tmp_path / "secret.json").write_text(json.dumps(outside), encoding="utf-8")
    (inside / "link.json").symlink_to(tmp_path / "secret.json")
    for reference in ("../secret.json", str(tmp_path / "secret.json"), "link.json", "a\0b", "x" * 5000, "."):
        log = json.loads((FIXTURES / "atif/atif-1.8.json").read_text(encoding="utf-8"))
        log["continued_trajectory_ref"] = reference
        (inside / "log.json").write_text(json.dumps(log), encoding="utf-8")
        found = only(registry().read(inside / "log.json"))
        assert found.files == (inside / "log.json",)
        assert "its continuation was not found" in (found.trajectory.notes or "")


def test_logs_that_name_each_other_end(tmp_path: Path) -> None:
    log = json.loads((FIXTURES / "atif/atif-1.2.json").read_text(encoding="utf-8"))
    refs = [{"trajectory_path": name} for name in ("a.json", "b.json")]
    log["steps"][4]["observation"] = {"results": [{"subagent_trajectory_ref": refs}]}
    for name, following in (("a.json", "b.json"), ("b.json", "a.json")):
        log["continued_trajectory_ref"] = following
        (tmp_path / name).write_text(json.dumps(log), encoding="utf-8")
    found = only(registry().read(tmp_path / "a.json"))
    assert [file.name for file in found.files] == ["a.json", "b.json"]
    readable(written(found))
