"""Building and running the submitted tree as an unprivileged user, and reading what the driver observed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

APP = Path("/app")
TESTS = Path(__file__).resolve().parent
NOBODY = 65534
DROP = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
OUTPUT_LIMIT = 16_000_000
OK, FAILED, CANCELLED = 0, 1, 2
ECLOSED = -3


@dataclass(frozen=True)
class Run:
    """One finished command: its exit status (None when it had to be killed), and what it printed."""

    status: int | None
    out: str
    err: str

    def brief(self) -> str:
        """A few lines for an assertion message."""
        state = "did not end in time" if self.status is None else f"status {self.status}"
        return f"{state}\n{self.out[-1500:]}\n{self.err[-1500:]}"


def scratch() -> Path:
    """A new directory that the unprivileged user may write."""
    path = Path(tempfile.mkdtemp(prefix="jobq-"))
    path.chmod(0o755)
    os.chown(path, NOBODY, NOBODY)
    return path


def hand_over(root: Path) -> None:
    """Give a tree to the unprivileged user, without following links."""
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            os.lchown(os.path.join(folder, name), NOBODY, NOBODY)
    os.lchown(root, NOBODY, NOBODY)


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What the tested commands see; nothing of the verifier's own."""
    base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}
    return base | (extra or {})


def start(command: list[str], cwd: Path, env: dict[str, str] | None, out: Path, **pipes: int) -> subprocess.Popen[bytes]:
    """Start a command as the unprivileged user in its own session; output goes to `out`.out and `out`.err."""
    settings = [f"{key}={value}" for key, value in (env or {}).items()]
    with open(f"{out}.out", "wb") as stdout, open(f"{out}.err", "wb") as stderr:
        return subprocess.Popen(
            [*DROP, "env", *settings, *command],
            cwd=cwd, env=environment(), stdout=stdout, stderr=stderr, start_new_session=True,
            stdin=pipes.get("stdin", subprocess.DEVNULL),
        )


def finish(process: subprocess.Popen[bytes], out: Path, timeout: float) -> Run:
    """Wait for a started command, kill what is left of its session, and read its output."""
    status: int | None
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        status = None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    texts = []
    for suffix in (".out", ".err"):
        with open(f"{out}{suffix}", "rb") as stream:
            texts.append(stream.read(OUTPUT_LIMIT).decode(errors="replace"))
    return Run(status, texts[0], texts[1])


def run(command: list[str], cwd: Path, timeout: float, env: dict[str, str] | None = None, stdin: str = "") -> Run:
    """Run a command as the unprivileged user, with `stdin` as its input."""
    folder = Path(tempfile.mkdtemp(prefix="run-"))
    (folder / "in").write_text(stdin)
    with open(folder / "in", "rb") as source:
        process = start(command, cwd, env, folder / "log", stdin=source.fileno())
    result = finish(process, folder / "log", timeout)
    shutil.rmtree(folder)
    return result


def work_tree() -> Path:
    """A private copy of the submitted tree, without build products."""
    root = scratch() / "app"
    shutil.copytree(APP, root, symlinks=True, ignore=shutil.ignore_patterns("build", ".git", "*.o", "*.a"))
    hand_over(root)
    return root


def build(root: Path) -> None:
    """`make` in a copy; asserts that the two products are there."""
    made = run(["make"], root, 60)
    assert made.status == 0, f"`make` failed: {made.brief()}"
    for product in ("build/libjobq.a", "build/jobrun"):
        assert (root / product).is_file(), f"`make` did not build {product}"


def compile_own(source: str, target: Path, *arguments: str) -> Path:
    """Compile a file of the verifier next to the tested code (not with its Makefile)."""
    command = ["gcc", "-std=gnu11", "-O1", "-Wall", "-pthread", "-o", str(target), str(TESTS / source), *arguments]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
    assert made.returncode == 0, f"{source} does not build against the library: {made.stderr[-2000:]}"
    target.chmod(0o755)
    return target


@dataclass(frozen=True)
class Build:
    """The submitted tree, built, with the verifier's driver linked against its library."""

    root: Path
    driver: Path
    jitter: Path

    def drive(self, script: str, jitter: str = "", timeout: float = 10) -> Run:
        """Run driver commands; `jitter` holds the pauses described in jitter.c."""
        return run([str(self.driver)], self.root, timeout, self.jitter_env(jitter), script)

    def jitter_env(self, jitter: str) -> dict[str, str]:
        """The settings that preload the pauses; empty without pauses."""
        return {"JITTER": jitter, "LD_PRELOAD": str(self.jitter)} if jitter else {}


def built() -> Build:
    """Copy and build the submitted tree."""
    root = work_tree()
    build(root)
    own = Path(tempfile.mkdtemp(prefix="own-"))
    own.chmod(0o755)
    shutil.copy(TESTS / "jobq.h.txt", own / "jobq.h")
    driver = compile_own("driver.c", own / "driver", f"-I{own}", str(root / "build/libjobq.a"))
    jitter = compile_own("jitter.c", own / "jitter.so", "-shared", "-fPIC", "-ldl")
    return Build(root, driver, jitter)


@dataclass
class Job:
    """What the driver saw of one job."""

    rc: int | None = None
    attempts: list[int] = field(default_factory=list)
    ends: list[tuple[int, int, int]] = field(default_factory=list)
    begun_at: list[int] = field(default_factory=list)
    ended_at: list[int] = field(default_factory=list)
    done_at: list[int] = field(default_factory=list)


@dataclass
class Log:
    """A driver run: every job, and the numbered events that belong to none."""

    jobs: dict[int, Job]
    events: list[tuple[str, list[int]]]

    def at(self, kind: str) -> list[int]:
        """The positions of all events of one kind."""
        return [i for i, (k, _) in enumerate(self.events) if k == kind]

    def of(self, kind: str) -> list[list[int]]:
        """The numbers of all events of one kind."""
        return [numbers for k, numbers in self.events if k == kind]


def read_log(result: Run) -> Log:
    """Parse a driver run; asserts that it ended by itself and without a crash."""
    assert result.status is not None, "hang: the library did not come back"
    assert result.status == 0 and result.out.endswith("end\n"), f"crash: {result.brief()}"
    jobs: dict[int, Job] = defaultdict(Job)
    events = []
    for at, line in enumerate(result.out.splitlines()[:-1]):
        kind, *rest = line.split()
        numbers = [int(x) for x in rest]
        events.append((kind, numbers))
        job = jobs[numbers[0]] if kind in "SRED" else Job()
        if kind == "S":
            job.rc = numbers[1]
        elif kind == "R":
            job.attempts.append(numbers[1])
            job.begun_at.append(at)
        elif kind == "E":
            job.ended_at.append(at)
        elif kind == "D":
            job.ends.append((numbers[1], numbers[2], numbers[3]))
            job.done_at.append(at)
    return Log(dict(jobs), events)


def check_job(name: int, job: Job, fails: int, most: int) -> None:
    """A job that was not cut short: the right attempts in order, not overlapping, then `done` once."""
    count = min(fails + 1, most)
    assert job.rc == 0, f"job {name}: jobq_submit returned {job.rc}"
    assert job.attempts == list(range(1, count + 1)), f"job {name}: attempts {job.attempts}, expected 1..{count}"
    want = (OK, count, 0) if fails < most else (FAILED, most, 40 + most)
    assert job.ends == [want], f"job {name}: done {job.ends}, expected once {want}"
    order = [x for pair in zip(job.begun_at, job.ended_at) for x in pair] + job.done_at
    assert order == sorted(order), f"job {name}: attempts overlap, or done came before the last attempt ended"
