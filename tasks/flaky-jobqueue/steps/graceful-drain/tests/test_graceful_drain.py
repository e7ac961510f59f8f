"""Milestone `graceful-drain`: JOBQ_FINISH_RUNNING in the library, SIGTERM in jobrun."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import (
    CANCELLED,
    ECLOSED,
    FAILED,
    OK,
    Build,
    Job,
    Run,
    build,
    built,
    check_job,
    finish,
    read_log,
    run,
    start,
    work_tree,
)

GATED = "1 0 0 1 -1 0\n"
PLAIN = "1 0 0 0 -1 0\n"

SCENARIOS = {
    "queued": (
        f"new 2 0\nsubmit 0 0 {GATED}submit 1 0 {GATED}until 2\n" + "".join(f"submit {i} 0 {PLAIN}" for i in range(2, 8))
        + f"bgwait\nbgshutdown 1\nsleep 150000\nsubmit 50 0 {PLAIN}sleep 50000\nopen\njoin\nwait\nstats\nshutdown 0\nshutdown 1\nfree\n",
        "31 200 200 200 200",
    ),
    "failing": (
        "new 1 0\nsubmit 0 0 5 5 0 1 -1 0\nuntil 1\nbgshutdown 1\nsleep 150000\nopen\njoin\nstats\nfree\n", "",
    ),
    "backoff": (
        "new 2 400\nsubmit 0 0 5 5 0 0 -1 0\nuntil 1\nsleep 100000\nshutdown 1\nstats\nfree\n", "",
    ),
    "cut short": (
        f"new 1 0\nsubmit 0 0 {GATED}until 1\n" + "".join(f"submit {i} 0 {PLAIN}" for i in range(1, 6))
        + "bgshutdown 0\nsleep 150000\nbgshutdown 1\nsleep 150000\nopen\njoin\nstats\nfree\n", "",
    ),
    "idle": ("".join(f"new 3 0\nsleep {i % 6 * 500}\nshutdown 1\nfree\n" for i in range(18)), "32 800 0 -3000 0"),
    "storm": (
        "".join(f"new 3 1\nbgfan 4 25 {i * 100} 3 {i % 3} 100\nsleep {600 + 900 * i}\nshutdown 1\njoin\nstats\nfree\n"
                for i in range(10)),
        "33 500 500 0 300",
    ),
}


@pytest.fixture(scope="module")
def tree() -> Build:
    """The submitted tree, built with its own Makefile."""
    return built()


@pytest.fixture(scope="module")
def runs(tree: Build) -> dict[str, Run]:
    """All driver runs, several at a time."""
    with ThreadPoolExecutor(4) as pool:
        pending = {name: pool.submit(tree.drive, *scenario) for name, scenario in SCENARIOS.items()}
        return {name: result.result() for name, result in pending.items()}


def cancelled(job: Job) -> bool:
    """Never run, and told so once."""
    return (job.rc, job.attempts, job.ends) == (0, [], [(CANCELLED, 0, 0)])


def test_running_jobs_end_and_queued_ones_are_cancelled(runs: dict[str, Run]) -> None:
    """FINISH_RUNNING lets attempts end, cancels the queue, refuses new jobs and releases waiters."""
    log = read_log(runs["queued"])
    opened = log.at("G")[0]
    for i in (0, 1):
        check_job(i, log.jobs[i], 0, 1)
        assert log.jobs[i].ended_at[0] > opened
    for i in range(2, 8):
        assert cancelled(log.jobs[i]), f"job {i}: {log.jobs[i]}"
    assert (log.jobs[50].rc, log.jobs[50].ends) == (ECLOSED, [])
    assert [numbers[1] for numbers in log.of("X")] == [0, 0, 0]
    assert log.at("X")[0] > max(j.done_at[0] for n, j in log.jobs.items() if n != 50)
    assert len(log.of("W")) == 2
    assert log.of("T") == [[8, 2, 0, 6]]


def test_failing_attempt_is_not_retried(runs: dict[str, Run]) -> None:
    """An attempt that fails during the drain was the last one."""
    log = read_log(runs["failing"])
    assert (log.jobs[0].attempts, log.jobs[0].ends) == ([1], [(FAILED, 1, 41)])
    assert log.of("T") == [[1, 0, 1, 0]]


def test_job_in_backoff_is_cancelled(runs: dict[str, Run]) -> None:
    """A job waiting for a retry is cancelled and keeps the count and status of its attempts."""
    log = read_log(runs["backoff"])
    assert (log.jobs[0].attempts, log.jobs[0].ends) == ([1], [(CANCELLED, 1, 41)])
    assert log.of("T") == [[1, 0, 0, 1]]


def test_finish_running_cuts_finish_all_short(runs: dict[str, Run]) -> None:
    """A second shutdown from another thread cancels what the first one still waits for."""
    log = read_log(runs["cut short"])
    check_job(0, log.jobs[0], 0, 1)
    assert all(cancelled(log.jobs[i]) for i in range(1, 6))
    assert sorted(numbers[:2] for numbers in log.of("X")) == [[0, 0], [1, 0]]
    assert log.of("T") == [[6, 1, 0, 5]]


def test_drain_of_idle_workers_comes_back(runs: dict[str, Run]) -> None:
    """FINISH_RUNNING reaches workers that are just going to sleep."""
    assert [numbers[1] for numbers in read_log(runs["idle"]).of("X")] == [0] * 18


def test_every_accepted_job_ends_once(runs: dict[str, Run]) -> None:
    """In the middle of submissions, retries and backoffs each accepted job still ends exactly once."""
    log = read_log(runs["storm"])
    assert len(log.jobs) == 1000
    for number, job in log.jobs.items():
        fails = number // 100 % 3
        if job.rc != 0:
            assert (job.rc, job.attempts, job.ends) == (ECLOSED, [], []), f"job {number}: {job}"
            continue
        assert len(job.ends) == 1 and job.attempts == list(range(1, len(job.attempts) + 1)), f"job {number}: {job}"
        outcome, attempts, status = job.ends[0]
        assert attempts == len(job.attempts) and (outcome == OK) == (attempts == fails + 1), f"job {number}: {job}"
        assert status == (40 + attempts if 0 < attempts <= fails else 0), f"job {number}: {job}"
    totals = [sum(column) for column in zip(*log.of("T"))]
    ends = [j.ends[0][0] for j in log.jobs.values() if j.rc == 0]
    assert totals == [len(ends), ends.count(OK), ends.count(FAILED), ends.count(CANCELLED)]


class Session:
    """A jobrun that reads its jobs from a pipe that the test holds."""

    def __init__(self, tree: Build, *options: str, source: str = "-") -> None:
        self.cwd = Path(tempfile.mkdtemp(prefix="cli-", dir=tree.root))
        os.chown(self.cwd, 65534, 65534)
        self.log = Path(tempfile.mkdtemp(prefix="log-")) / "log"
        reader, self.writer = os.pipe()
        command = [str(tree.root / "build/jobrun"), *options, source]
        self.process: subprocess.Popen[bytes] = start(command, self.cwd, None, self.log, stdin=reader)
        os.close(reader)

    def feed(self, text: str) -> None:
        """Hand over more input."""
        try:
            os.write(self.writer, text.encode())
        except BrokenPipeError:
            pytest.fail("jobrun has closed its input or ended too early")

    def wait_for(self, name: str) -> None:
        """Wait until a command has left a file."""
        limit = time.monotonic() + 15
        while not (self.cwd / name).exists():
            assert time.monotonic() < limit, f"no job made `{name}` in 15 seconds"
            time.sleep(0.01)

    def term(self) -> None:
        """SIGTERM to jobrun alone, and a moment for it to act."""
        os.kill(self.process.pid, signal.SIGTERM)
        time.sleep(0.5)

    def end(self, timeout: float = 15) -> Run:
        """Wait for jobrun; the pipe stays open as a producer would leave it."""
        result = finish(self.process, self.log, timeout)
        os.close(self.writer)
        return result


# runs until the test makes the file `go`
HELD = "touch {0}.begun; while ! test -e go; do sleep 0.02; done; touch {0}.finished"


def test_sigterm_drains(tree: Build) -> None:
    """Running jobs finish, queued ones are cancelled, later lines are rejected; counts and exit status say so."""
    session = Session(tree, "-w", "2")
    session.feed(f"run-a 9 1 {HELD.format('a')}\nrun-b 9 3 {HELD.format('b')}; exit 7\n# comment\n")
    session.wait_for("a.begun")
    session.wait_for("b.begun")
    session.feed("queued-1 1 1 touch never\nqueued-2 0 3 touch never\n")
    time.sleep(0.5)
    session.term()
    session.feed("late-1 5 1 touch never\n\nlate-2 5 1 touch never\n")
    time.sleep(0.5)
    assert session.process.poll() is None, "jobrun ended while jobs were running"
    (session.cwd / "go").touch()
    result = session.end()
    assert result.status == 3, result.brief()
    *lines, last = result.out.splitlines()
    assert sorted(lines) == [
        "late-1 rejected attempts=0 status=0", "late-2 rejected attempts=0 status=0",
        "queued-1 cancelled attempts=0 status=0", "queued-2 cancelled attempts=0 status=0",
        "run-a ok attempts=1 status=0", "run-b failed attempts=1 status=7",
    ]
    assert last == "jobs=6 ok=1 failed=1 cancelled=2 rejected=2"
    assert (session.cwd / "a.finished").exists() and not (session.cwd / "never").exists()


def test_sigterm_after_the_end_of_input(tree: Build) -> None:
    """SIGTERM also drains when all lines have been read and jobrun is only waiting; repeating it changes nothing."""
    folder = Path(tempfile.mkdtemp(prefix="list-"))
    folder.chmod(0o755)
    (folder / "jobs").write_text(f"held 9 1 {HELD.format('held')}\n" + "".join(f"q{i} 0 1 touch never\n" for i in range(3)))
    session = Session(tree, "-w", "1", source=str(folder / "jobs"))
    session.wait_for("held.begun")
    time.sleep(0.5)
    session.term()
    session.term()
    (session.cwd / "go").touch()
    result = session.end()
    assert result.status == 3, result.brief()
    *lines, last = result.out.splitlines()
    assert sorted(lines) == ["held ok attempts=1 status=0", *(f"q{i} cancelled attempts=0 status=0" for i in range(3))]
    assert last == "jobs=4 ok=1 failed=0 cancelled=3 rejected=0"


def test_sigterm_when_nothing_runs(tree: Build) -> None:
    """An idle jobrun whose input is still open ends at once, also after jobs that went well."""
    session = Session(tree, "-w", "3")
    session.feed("one 0 1 touch one\n")
    session.wait_for("one")
    time.sleep(0.5)
    session.term()
    result = session.end(5)
    assert result.status == 3, result.brief()
    assert result.out.splitlines() == ["one ok attempts=1 status=0", "jobs=1 ok=1 failed=0 cancelled=0 rejected=0"]


def test_job_waiting_for_retry_is_cancelled(tree: Build) -> None:
    """A job in its backoff is cancelled with the attempts and the status it has so far."""
    session = Session(tree, "-w", "1", "-b", "2500")
    session.feed("again 0 5 touch again; exit 9\n")
    session.wait_for("again")
    time.sleep(0.5)
    session.term()
    result = session.end(10)
    assert result.status == 3, result.brief()
    assert result.out.splitlines() == [
        "again cancelled attempts=1 status=9", "jobs=1 ok=0 failed=0 cancelled=1 rejected=0",
    ]


def test_commands_start_with_default_signals(tree: Build) -> None:
    """Commands neither block nor ignore SIGTERM, and do not get jobrun's descriptors."""
    probe = "grep -E 'SigBlk|SigIgn' /proc/self/status >&2; ls -l /proc/self/fd >&2; kill -TERM $$; sleep 2"
    result = run([str(tree.root / "build/jobrun"), "-w", "1", "-"], tree.root, 15, stdin=f"probe 0 1 {probe}\n")
    assert result.status == 1, result.brief()
    assert result.out.splitlines() == ["probe failed attempts=1 status=143", "jobs=1 ok=0 failed=1"]
    for mask in re.findall(r"Sig(?:Blk|Ign):\s*([0-9a-f]+)", result.err):
        assert int(mask, 16) & (1 << (signal.SIGTERM - 1)) == 0, "SIGTERM is blocked or ignored in the command"
    descriptors = {int(n) for n in re.findall(r"(\d+) -> ", result.err)}
    # 3 is the directory that ls itself reads
    assert descriptors <= {0, 1, 2, 3}, f"inherited descriptors: {result.err}"


def test_normal_runs_report_as_before(tree: Build) -> None:
    """Without SIGTERM, report and exit status keep their old form."""
    jobrun = [str(tree.root / "build/jobrun"), "-w", "2", "-b", "1", "-"]
    fine = run(jobrun, tree.root, 15, stdin="a 1 1 true\nb 1 2 test $JOB_ATTEMPT = 2")
    assert fine.status == 0 and sorted(fine.out.splitlines()) == [
        "a ok attempts=1 status=0", "b ok attempts=2 status=0", "jobs=2 ok=2 failed=0",
    ]
    failed = run(jobrun, tree.root, 15, stdin="a 1 1 false\n")
    assert (failed.status, failed.out.splitlines()[-1]) == (1, "jobs=1 ok=0 failed=1")
    bad = run(jobrun, tree.root, 15, stdin="a 1 1 false\nb one 1 true\n")
    assert (bad.status, bad.out.splitlines()[-1]) == (2, "jobs=1 ok=0 failed=1")


def test_own_checks_pass() -> None:
    """`make check` passes on the submitted tree."""
    root = work_tree()
    build(root)
    result = run(["make", "check"], root, 60)
    assert result.status == 0, result.brief()
