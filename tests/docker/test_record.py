"""`assay record`: what a script or a person does becomes a trajectory whose results anybody can get again."""

from __future__ import annotations

import codecs
import hashlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from assay.model.session import Session
from assay.workspace import Attempt, load
from tests.docker.conftest import QUICK, assay, containers_of, environment
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")

SCRIPT = """\
format: 1
task: tiny
milestones:
  - milestone: first
    steps:
      - say: "I look around."
        run: "echo out; echo err >&2; echo out again"
      - run: mkdir -p deep/er && cd deep/er
      - run: pwd; printf '\\000\\377binary' > data.bin
      - say: "Now the work."
        run: |
          cd /app
          echo one > one.txt
          rm old.txt
          chmod +x notes.txt
          mkdir -p .git __pycache__ && echo x | tee .git/x __pycache__/x.pyc
      - run: exit 7
      - say: "It is done."
  - milestone: second
    steps:
      - run: rm one.txt; echo two > two.txt
"""


def recorded(workspace: Path, alias: str) -> Attempt:
    """The attempt as the rest of the tool sees it; nothing about its files may be wrong."""
    loaded = load(workspace)
    assert [item for item in loaded.diagnostics if item.path.startswith("trajectories/")] == []
    attempt = loaded.attempt("tiny", alias)
    assert attempt is not None
    return attempt


def session_of(attempt: Attempt) -> Session:
    assert attempt.session is not None
    return attempt.session.record


def test_a_script_becomes_a_trajectory_that_reproduces(workspace: Path) -> None:
    put(workspace / "attempt.yaml", SCRIPT)

    called = assay(workspace, "record", "tiny", "--script", "attempt.yaml", "--alias", "brisk-otter")

    assert called.code == 0, called.err
    assert "first: failed\nsecond: passed\n" in called.out
    assert containers_of(called.pid) == []
    attempt = recorded(workspace, "brisk-otter")
    check_steps(attempt)
    check_results(attempt)
    check_session(attempt)
    replayed = assay(workspace, "replay", *QUICK)
    assert "1 of 1 trajectory reproduces" in replayed.out
    check_unchanged_tasks_can_be_left_out(workspace)
    again = assay(workspace, "record", "tiny", "--script", "attempt.yaml", "--alias", "brisk-otter")
    assert (again.code, "alias-taken" in again.err) == (2, True)
    check_a_change_of_the_record_is_noticed(workspace)


def check_steps(attempt: Attempt) -> None:
    assert attempt.trajectory is not None
    steps = attempt.trajectory.record.steps
    assert [step.source for step in steps] == ["user", *["agent"] * 6, "user", "agent"]
    assert steps[0].text == "Write words into files.\n\n`one.txt` must say one."
    assert steps[7].text == "`two.txt` must say two."
    assert [(step.extra or {})["assay"]["milestone"] for step in steps] == ["first"] * 7 + ["second"] * 2
    results = [result for step in steps if step.observation for result in step.observation.results]
    assert results[0].content == "out\nerr\nout again\n"
    assert results[2].content == "/app/deep/er\n"
    assert [result.exit_code for result in results] == [0, 0, 0, 0, 7, 0]
    assert all(result.seconds is not None for result in results)
    assert steps[6].tool_calls is None


def check_results(attempt: Attempt) -> None:
    patch = attempt.patches["second"]
    assert "diff --git a/two.txt b/two.txt\nnew file mode 100644" in patch
    assert "deleted file mode 100644" in patch
    assert "old mode 100644\nnew mode 100755" in patch
    assert "GIT binary patch" in patch
    assert "one.txt" not in patch
    assert "one.txt" in attempt.patches["first"]
    assert ".git/x" not in patch
    assert "pycache" not in patch
    first = attempt.reports["first"].record
    assert first.passed is False
    assert [(state.after, state.passed, state.failed) for state in first.earlier] == [("first", True, [])]


def check_session(attempt: Attempt) -> None:
    session = session_of(attempt)
    isolation = session.predicate.isolation
    assert (isolation.network, isolation.mounts, isolation.start_diff) == ("none", [], [])
    assert not isolation.privileged
    assert session.predicate.kind == "recorded"
    assert session.predicate.image.filesystem_sha256
    assert {result.milestone: result.passed for result in session.predicate.milestones} == {
        "first": False,
        "second": True,
    }
    named = {subject.name: subject.digest.sha256 for subject in session.subject}
    found = {
        file.relative_to(attempt.folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in attempt.folder.rglob("*")
        if file.is_file() and file.name != "session.json"
    }
    assert named == found


def check_unchanged_tasks_can_be_left_out(workspace: Path) -> None:
    """A proof stands until the task, a result or a patch changes."""
    evidence = workspace / ".assay/replays/tiny"
    before = sorted(evidence.iterdir())
    left_out = assay(workspace, "replay", *QUICK, "--if-changed")
    assert "1 of 1 trajectory reproduces) unchanged since 2" in left_out.out
    assert sorted(evidence.iterdir()) == before
    more = assay(workspace, "replay", *QUICK, "--if-changed", "--repeat", "2")
    assert "oracle 2/2" in more.out
    assert "unchanged" not in more.out
    put(workspace / "tasks/tiny/instruction.md", "Write words into files, please.\n")
    changed = assay(workspace, "replay", *QUICK, "--if-changed", "--no-trajectories")
    assert (changed.code, "unchanged" in changed.out) == (0, False)


def check_a_change_of_the_record_is_noticed(workspace: Path) -> None:
    report = workspace / "trajectories/tiny/brisk-otter/tests/second.json"
    put(report, report.read_text().replace('"says_two"', '"says_too"'))
    replayed = assay(workspace, "replay", *QUICK)
    assert replayed.code == 1
    assert "0 of 1 trajectory reproduces" in replayed.out
    assert "brisk-otter-2: second/says_too: recorded passed, now absent" in replayed.out
    assert "superseded: brisk-otter: not as recorded; neither the second time" in replayed.out


def test_a_result_that_comes_out_otherwise_on_a_busy_machine_gets_a_second_look(workspace: Path) -> None:
    """The tests wait for a moment that only the second look begins after."""
    put(
        workspace / "tasks/tiny/steps/first/tests/test.sh",
        ". /tests/library.sh\nnow() { cut -d . -f 1 /proc/uptime; }\nbegun=$(now)\n"
        "due=$(cat /app/due.txt) || exit 3\nwhile [ $(now) -lt $due ]; do sleep 0.1; done\n"
        "check in_time test $begun -ge $due\nfinish\n",
    )
    text = "format: 1\ntask: tiny\nmilestones:\n  - milestone: first\n    steps:\n"
    put(workspace / "attempt.yaml", f"{text}      - run: echo 0 > due.txt\n")
    assert assay(workspace, "record", "tiny", "--script", "attempt.yaml", "--alias", "dry-finch").code == 0
    patch = workspace / "trajectories/tiny/dry-finch/patches/first.patch"
    due = int(time.clock_gettime(time.CLOCK_BOOTTIME)) + 10
    put(patch, re.sub("index .*\n", "", patch.read_text()).replace("+0\n", f"+{due}\n"))

    called = assay(workspace, "replay", *QUICK)

    assert "1 of 1 trajectory reproduces" in called.out
    assert "superseded: dry-finch: not as recorded while other containers ran; as recorded with nothing" in called.out


def test_products_stay_out_of_the_patch_and_the_images_own_files_stay_in_the_tests(workspace: Path) -> None:
    environment = workspace / "tasks/tiny/environment"
    put(environment / "app/.gitignore", "build/\n*.log\n")
    put(environment / "app/build/given.o", "given\n")
    put(environment / "Dockerfile", (environment / "Dockerfile").read_text() + "RUN mkdir .git && touch .git/HEAD\n")
    put(
        workspace / "tasks/tiny/steps/first/tests/test.sh",
        ". /tests/library.sh\ncheck has_git test -e /app/.git/HEAD\ncheck has_given grep -q new /app/build/given.o\n"
        "check has_one test -e /app/one.txt\ncheck no_product test ! -e /app/build/made.o\nfinish\n",
    )
    run = "echo > .gitignore; echo new > build/given.o; touch build/made.o a.log one.txt; echo x >> .git/HEAD"
    text = "format: 1\ntask: tiny\nmilestones:\n  - milestone: first\n    steps:\n"
    put(workspace / "attempt.yaml", f'{text}      - run: "{run}"\n')

    called = assay(workspace, "record", "tiny", "--script", "attempt.yaml", "--alias", "dry-finch")

    assert called.out.startswith("first: passed\n"), called
    patch = recorded(workspace, "dry-finch").patches["first"]
    changed = [line.partition(" b/")[2] for line in patch.splitlines() if line.startswith("diff --git ")]
    assert changed == [".gitignore", "build/given.o", "one.txt"]


def test_an_attempt_may_stop_early_and_hang_in_a_command(workspace: Path) -> None:
    text = "format: 1\ntask: tiny\nmilestones:\n  - milestone: first\n    steps:\n"
    put(workspace / "attempt.yaml", f"{text}      - run: echo before; sleep 60\n")

    called = assay(workspace, "record", "tiny", "--script", "attempt.yaml", "--seconds", "1")

    assert called.code == 0, called.err
    (alias,) = (folder.name for folder in (workspace / "trajectories/tiny").iterdir())
    attempt = recorded(workspace, alias)
    assert len(alias.split("-")) == 2
    assert {name: entry.record.passed for name, entry in attempt.reports.items()} == {"first": False, "second": False}
    assert attempt.trajectory is not None
    step = attempt.trajectory.record.steps[1]
    assert step.observation is not None
    assert (step.observation.results[0].content, step.observation.results[0].exit_code) == ("before\n", 124)
    assert attempt.patches == {"first": ""}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("task: tiny", "task: other", "is an attempt at `other`"),
        ("milestone: first", "milestone: second", "in order"),
        ("say:", "sey:", "attempt.yaml:6:"),
    ],
)
def test_a_script_that_does_not_fit_is_refused(workspace: Path, old: str, new: str, said: str) -> None:
    put(workspace / "attempt.yaml", SCRIPT.replace(old, new, 1))

    called = assay(workspace, "record", "tiny", "--script", "attempt.yaml")

    assert called.code == 2
    assert said in called.err


class Person:
    """Somebody at a real terminal."""

    def __init__(self, workspace: Path, *arguments: str, command: Sequence[str] = ("record", "tiny")) -> None:
        self.screen = self.shown = ""
        """What has not been looked at yet, and everything."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._side, other = pty.openpty()
        words = [sys.executable, "-m", "assay", *command, *arguments]
        self.process = subprocess.Popen(
            words, cwd=workspace, env=environment(TERM="dumb"), stdin=other, stdout=other, stderr=other,
            start_new_session=True, preexec_fn=take_terminal,
        )  # fmt: skip
        os.close(other)

    def sees(self, text: str, seconds: float = 30) -> None:
        """Wait until `text` is on the screen, and look only at what comes after it from then on."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            ready, _, _ = select.select([self._side], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.screen!r}"
            assert self._reads(), f"no {text!r} in {self.screen!r}"
        self.screen = self.screen.partition(text)[2]

    def _reads(self) -> bool:
        """Whether there was more; False once the program has ended."""
        try:
            piece = self._decoder.decode(os.read(self._side, 4096))
        except OSError:
            return False
        self.screen, self.shown = self.screen + piece, self.shown + piece
        return True

    def types(self, text: str) -> None:
        """Press these keys and Enter."""
        os.write(self._side, f"{text}\n".encode())

    def presses_control_c(self) -> None:
        os.write(self._side, b"\x03")

    def leaves(self) -> int:
        """The exit status once the program has ended."""
        code = self.process.wait(timeout=60)
        while self._reads():
            pass
        os.close(self._side)
        return code


def take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C becomes a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_person_at_a_terminal(workspace: Path) -> None:
    person = Person(workspace, "--alias", "calm-heron")
    person.sees("`one.txt` must say one.")
    person.sees("tiny/first $ ")
    person.types(":say I will write the file.")
    person.types("for word in one; do")
    person.sees("> ")
    person.types("echo $word > one.txt; done; cat one.txt")
    person.sees("one\r\n")
    person.types("false")
    person.sees("(exit 1)")
    person.types("echo begin; sleep 100")
    person.sees("begin\r\n")
    person.presses_control_c()
    person.sees("(exit ")
    person.types(":done")
    person.sees("`two.txt` must say two.")
    person.sees("tiny/second $ ")
    person.types("echo two > two.txt")
    person.types(":quit")
    person.sees("second: passed")
    assert person.leaves() == 0

    attempt = recorded(workspace, "calm-heron")
    assert attempt.trajectory is not None
    steps = attempt.trajectory.record.steps
    assert [step.source for step in steps] == ["user", "agent", "agent", "agent", "user", "agent"]
    assert steps[1].text == "I will write the file."
    assert steps[1].tool_calls is not None
    assert steps[1].tool_calls[0].arguments == {
        "command": "for word in one; do\necho $word > one.txt; done; cat one.txt"
    }
    assert {name: entry.record.passed for name, entry in attempt.reports.items()} == {"first": True, "second": True}
    assert containers_of(person.process.pid) == []


def test_an_attempt_that_is_broken_off_is_kept_aside(workspace: Path) -> None:
    text = "format: 1\ntask: tiny\nmilestones:\n  - milestone: first\n    steps:\n"
    put(workspace / "attempt.yaml", f"{text}      - run: echo hello\n      - run: sleep 100\n")
    command = [sys.executable, "-m", "assay", "record", "tiny", "--script", "attempt.yaml"]
    process = subprocess.Popen(command, cwd=workspace, env=environment(), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "command 1" in process.stderr.readline()

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert ".assay/partial/tiny/" in err
    assert containers_of(process.pid) == []
    assert not (workspace / "trajectories/tiny").exists()
    (kept,) = (workspace / ".assay/partial/tiny").glob("*/trajectory.json")
    assert "hello" in kept.read_text()
