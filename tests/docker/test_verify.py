"""`assay verify`: what an annotator runs becomes evidence that can be cited and run again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assay.cli import main
from assay.evidence.runs import rerun_path
from tests.docker.conftest import Called, assay, containers_of, environment
from tests.docker.test_record import Person
from tests.docker.tiny import put, write_workspace

pytestmark = pytest.mark.usefixtures("engine")

WHICH = "tiny/calm-heron"
SCRIPT = """\
format: 1
task: tiny
milestones:
  - milestone: first
    steps:
      - say: "I look around."
      - run: echo one > one.txt; rm old.txt
      - run: chmod +x notes.txt
  - milestone: second
    steps:
      - run: rm one.txt; echo two > two.txt
"""
PEOPLE = """\
format: 1
people:
  - {handle: rater-1, roles: [annotator]}
  - {handle: rater-2, roles: [annotator]}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, engine: object) -> Path:
    """A workspace with an attempt; each test works as another annotator or looks at its own numbers."""
    root = tmp_path_factory.mktemp("verify")
    write_workspace(root)
    put(root / "annotations/people.yaml", PEOPLE)
    put(root / "annotations/guidelines.md", "---\nversion: 1\n---\n")
    put(root / "attempt.yaml", SCRIPT)
    called = assay(root, "record", "tiny", "--script", "attempt.yaml", "--alias", "calm-heron")
    assert called.code == 0, called.err
    return root


def verify(root: Path, *arguments: str, by: str = "rater-1") -> Called:
    return assay(root, "verify", WHICH, "--by", by, *arguments)


def recorded(root: Path, called: Called, by: str = "rater-1") -> tuple[Path, Mapping[str, Any]]:
    """Path without suffix and content of the run that was just recorded; all of its digests must be right."""
    assert called.code == 0, called.err
    return whole(root, called.out.rpartition("recorded as run:")[2][:2], by)


def whole(root: Path, number: str, by: str = "rater-1") -> tuple[Path, Mapping[str, Any]]:
    place = root / "annotations/tiny/evidence" / by / number
    record: dict[str, Any] = json.loads(place.with_suffix(".json").read_text())
    digests = {".out": record["stdout"]["sha256"], ".err": record["stderr"]["sha256"], ".cast": record["cast_sha256"]}
    for suffix, digest in digests.items():
        file = place.with_suffix(suffix)
        assert sha256(file.read_bytes() if file.exists() else b"").hexdigest() == digest
    assert str(root) not in place.with_suffix(".json").read_text()
    return place, record


def test_a_command_runs_on_the_files_that_the_attempt_left_and_comes_out_the_same_again(root: Path) -> None:
    script = "cat two.txt; ls old.txt one.txt; [ -x notes.txt ]; ls /sys/class/net; exit 3"
    called = verify(root, "--", "sh", "-c", script)
    place, record = recorded(root, called)
    assert (record["exit_code"], record["state"]["kind"], record["alias"]) == (3, "final", "calm-heron")
    assert place.with_suffix(".out").read_text() == "two\nlo\n", "the loopback device is all of the network"
    assert "old.txt" in place.with_suffix(".err").read_text()
    assert "two\n" in called.out
    assert f"recorded as run:{place.name} · exit 3 · " in called.out
    assert f"[calm-heron run:{place.name}#L2]" in called.out
    lines = place.with_suffix(".cast").read_text().splitlines()
    assert json.loads(lines[0])["version"] == 2
    assert "two" in lines[1]
    assert containers_of(called.pid) == []
    again = assay(root, "check", "--rerun-evidence", "annotations/tiny/evidence/rater-1")
    assert (again.code, again.err.count("came out as recorded")) == (0, again.err.count("\n"))


def test_the_tests_run_again_at_the_end_at_a_milestone_and_after_a_step(root: Path) -> None:
    place, record = recorded(root, verify(root))
    assert record["tests"]["first"] == {"says_one": "failed", "keeps_notes": "passed"}
    assert (record["exit_code"], record["tests"]["second"]["says_two"]) == (1, "passed")
    assert "says_one: failed" in place.with_suffix(".out").read_text()
    _, record = recorded(root, verify(root, "--milestone", "first"))
    assert (record["exit_code"], list(record["tests"])) == (0, ["first"])
    _, record = recorded(root, verify(root, "--step", "2", "--", "test", "-e", "old.txt"))
    assert (record["exit_code"], record["state"]["milestone"]) == (0, None)
    refused = verify(root, "--step", "3", "--", "true")
    assert refused.code == 2
    assert "`--step 2`, `--step 4`, `--milestone first`" in refused.err


def test_what_comes_out_otherwise_is_named_and_what_never_comes_out_alike_only_warned_of(root: Path) -> None:
    command = ("--", "sh", "-c", "date +%N; echo took $(date +%N | cut -c 1-3) ms")
    place, _ = recorded(root, verify(root, *command, by="rater-2"), "rater-2")
    steady, record = recorded(root, verify(root, "--", "echo", "as it is", by="rater-2"), "rater-2")
    text = steady.with_suffix(".json").read_text()
    put(steady.with_suffix(".json"), text.replace('"exit_code": 0', '"exit_code": 4'))
    assert record["exit_code"] == 0

    called = assay(root, "check", "--rerun-evidence", "annotations/tiny/evidence/rater-2")

    assert called.code == 1
    path = f"annotations/tiny/evidence/rater-2/{place.name}.json"
    assert f"{path}:" in called.out
    assert "warning run-not-deterministic" in called.out
    assert "error run-changed: run again, it comes out otherwise: exit code: 4, then 0" in called.out
    assert (root / rerun_path("tiny", "rater-2", steady.name)).is_file()
    put(steady.with_suffix(".json"), text)
    assert "run-changed" not in assay(root, "check").out, "it was another record that changed"


def test_two_at_once_get_two_numbers(root: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        called = [pool.submit(verify, root, "--", "echo", word) for word in ("left", "right")]
    found = {recorded(root, item.result())[0].with_suffix(".out").read_text() for item in called}
    assert found == {"left\n", "right\n"}


def test_a_shell_at_a_terminal(root: Path) -> None:
    person = Person(root, WHICH, "--by", "rater-1", "--shell", command=("verify",))
    person.sees("`exit` ends it")
    person.sees("# ")
    person.types("sh -c 'cat two.txt; exec sleep 100'")
    person.sees("two\r\n")
    person.presses_control_c()
    person.sees("# ")
    person.types("exit 5")
    person.sees("recorded as run:")
    number = person.screen[:2]
    assert person.leaves() == 0
    place, record = whole(root, number)
    assert (record["kind"], record["command"], record["exit_code"]) == ("shell", [], 5)
    assert "two\n" in place.with_suffix(".out").read_text()
    assert "two\\r\\n" in place.with_suffix(".cast").read_text()
    assert containers_of(person.process.pid) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing(root: Path, sent: int) -> None:
    folder = root / "annotations/tiny/evidence/rater-1"
    before = sorted(folder.glob("*"))
    words = [sys.executable, "-m", "assay", "verify", WHICH, "--by", "rater-1", "--", "sh", "-c", "echo go; sleep 60"]
    process = subprocess.Popen(words, cwd=root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"go\n"
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert sorted(folder.glob("*")) == before
    deadline = time.monotonic() + 5
    while containers_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert containers_of(process.pid) == []


def test_what_takes_too_long_is_stopped_and_what_prints_too_much_is_cut(root: Path) -> None:
    script = "yes 0123456789 | head -n 100000; sleep 60"
    place, record = recorded(root, verify(root, "--seconds", "2", "--", "sh", "-c", script))
    assert record["exit_code"] == 124
    assert "[stopped: it did not end within 2 s]" in place.with_suffix(".err").read_text()
    assert record["stdout"]["bytes"] == 1_100_000
    assert record["stdout"]["hidden"] > 800_000
    assert f"[... {record['stdout']['hidden']} bytes hidden; sha256 of all: " in place.with_suffix(".out").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tiny", "--by", "rater-1"), "trajectories of `tiny`: `calm-heron`"),
        ((WHICH, "--by", "rater-9"), "`rater-9` is no annotator"),
        ((WHICH, "--by", "rater-1", "--milestone", "third"), "milestones with a patch: `first`, `second`"),
        ((WHICH, "--by", "rater-1", "--step", "99"), "there is no step 99"),
        ((WHICH, "--by", "rater-1", "--shell"), "needs a terminal"),
        ((WHICH, "--by", "rater-1", "--step", "2", "--milestone", "first"), "two states"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_built(
    root: Path,
    arguments: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.chdir(root)
    assert main(["verify", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_an_engine_a_rerun_says_so_and_a_check_does_not_need_one(root: Path) -> None:
    recorded(root, verify(root, "--", "true"))
    nowhere = "tcp://127.0.0.1:9"
    assert assay(root, "check", DOCKER_HOST=nowhere).code == 0
    called = assay(root, "check", "--rerun-evidence", DOCKER_HOST=nowhere)
    assert (called.code, "docker-missing" in called.err) == (4, True)
