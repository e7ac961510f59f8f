"""Milestone `no-lost-jobs`: every accepted job ends exactly once, and nobody sleeps for ever."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import APP, ECLOSED, TESTS, Build, Log, Run, build, built, check_job, read_log, run, work_tree


def job(name: int, *, priority: int = 0, most: int = 1, fails: int = 0, us: int = 0, gated: int = 0,
        chain: int = -1, done_us: int = 0) -> str:
    """One `submit` command of the driver."""
    return f"submit {name} {priority} {most} {fails} {us} {gated} {chain} {done_us}\n"


def one_by_one(workers: int) -> str:
    """Each job is submitted while the workers are just going to sleep."""
    steps = "".join(f"{job(i)}wait\nsleep {i * 37 % 1200}\n" for i in range(60))
    return f"new {workers} 0\n{steps}shutdown 0\nfree\n"


def brief_pools() -> str:
    """Queues that are shut down while their workers are just going to sleep."""
    return "".join(f"new 3 0\nsleep {i % 10 * 400}\nshutdown 0\nfree\n" for i in range(24))


def retry_storm() -> str:
    """Quick jobs with many retries on several workers."""
    jobs = "".join(job(i, most=2 + i % 3, fails=i % 5) for i in range(40))
    return f"new 4 0\n{jobs}wait\nstats\nshutdown 0\nfree\n"


def waits() -> str:
    """Waiting while the last job is in its backoff, or while its done is still at work."""
    steps = "".join(f"{job(i, most=3, fails=2)}{job(100 + i, done_us=20000)}wait\n" for i in range(8))
    return f"new 2 15\n{steps}stats\nshutdown 0\nfree\n"


def many_waiters() -> str:
    """Six threads wait for the queue while one worker is busy and jobs for the other one arrive."""
    later = "".join(f"{job(i)}until {i + 1}\nsleep 3000\n" for i in range(1, 8))
    return f"new 2 0\n{job(0, gated=1)}until 1\n{'bgwait ' * 6}sleep 40000\n{later}open\njoin\nshutdown 0\nfree\n"


def chains() -> str:
    """Each done submits one more job; waiting covers that one too."""
    return "new 3 0\n" + "".join(f"{job(i, chain=500 + i, done_us=500)}wait\n" for i in range(30)) + "shutdown 0\nfree\n"


def finish_all() -> str:
    """A shutdown while nearly everything is still queued, with retries to come."""
    jobs = "".join(job(i, most=3, fails=i % 4) for i in range(24))
    return f"new 2 4\n{jobs}shutdown 0\n{job(900)}stats\nfree\n"


def threads() -> str:
    """Six submitting threads and three waiting ones."""
    return "new 4 1\nbgfan 6 30 0 3 1 100\n" + "bgwait\n" * 3 + "join\nwait\nstats\nshutdown 0\nfree\n"


def closing() -> str:
    """Shutdowns in the middle of submissions by four threads."""
    return "".join(f"new 3 0\nbgfan 4 25 {i * 100} 1 0 0\nsleep {500 + 700 * i}\nshutdown 0\njoin\nfree\n" for i in range(10))


def order() -> str:
    """One worker, held back until everything is queued."""
    jobs = "".join(job(i, priority=i % 3) for i in range(1, 13))
    again = f"shut\n{job(20, gated=1)}until 14\n{job(21, most=2, fails=1)}{job(22)}{job(23)}open\n"
    return f"new 1 0\n{job(0, priority=9, gated=1)}until 1\n{jobs}open\nwait\n{again}wait\nshutdown 0\nfree\n"


def asleep() -> str:
    """A pool without work, looked at for a second."""
    return f"new 4 0\n{job(0)}wait\nsleep 300000\nswitches\nsleep 1000000\nswitches\nshutdown 0\nfree\n"


SCENARIOS = {
    "one worker": (one_by_one(1), "11 1500 1500 300 0"),
    "three workers": (one_by_one(3), "12 1500 1500 300 0"),
    "brief pools": (brief_pools(), "13 800 0 -3000 0"),
    "brief pools, slow locks": (brief_pools(), "14 3000 3000 0 500"),
    "retries": (retry_storm(), "15 300 1500 0 1500"),
    "retries, plain": (retry_storm(), ""),
    "waits": (waits(), ""),
    "many waiters": (many_waiters(), ""),
    "chains": (chains(), "16 300 600 300 300"),
    "finish all": (finish_all(), "17 500 500 500 500"),
    "threads": (threads(), "18 300 300 300 300"),
    "closing": (closing(), "19 800 800 0 300"),
    "order": (order(), ""),
    "asleep": (asleep(), ""),
}


@pytest.fixture(scope="module")
def tree() -> Build:
    """The submitted tree, built with its own Makefile."""
    return built()


@pytest.fixture(scope="module")
def runs(tree: Build) -> dict[str, Run]:
    """All driver runs; they mostly sleep, so they go together and hangs cost their limit only once."""
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        pending = {name: pool.submit(tree.drive, *scenario) for name, scenario in SCENARIOS.items()}
        return {name: result.result() for name, result in pending.items()}


def ended_before_waits(log: Log) -> None:
    """Nothing submitted before a `wait` of the main thread may end after it."""
    for at in (i for i, (kind, numbers) in enumerate(log.events) if kind == "W" and numbers[0] == 0):
        late = [n for n, j in log.jobs.items() if j.begun_at and j.begun_at[0] < at and (not j.done_at or j.done_at[0] > at)]
        assert not late, f"jobq_wait returned before the end of jobs {late[:5]}"


def test_submit_wakes_a_worker(runs: dict[str, Run]) -> None:
    """A job submitted while the workers are going to sleep is run."""
    for name in ("one worker", "three workers"):
        log = read_log(runs[name])
        assert sorted(log.jobs) == list(range(60))
        for number, seen in log.jobs.items():
            check_job(number, seen, 0, 1)


def test_shutdown_reaches_every_worker(runs: dict[str, Run]) -> None:
    """jobq_shutdown comes back whatever the workers are doing at that moment."""
    for name in ("brief pools", "brief pools, slow locks"):
        log = read_log(runs[name])
        assert [numbers[1] for numbers in log.of("X")] == [0] * 24


def test_retries_are_counted_exactly(runs: dict[str, Run]) -> None:
    """Attempts are numbered 1, 2, ... without repetition, up to the limit, and done comes once."""
    failed = sum(i % 5 >= 2 + i % 3 for i in range(40))
    for name in ("retries", "retries, plain"):
        log = read_log(runs[name])
        for i in range(40):
            check_job(i, log.jobs[i], i % 5, 2 + i % 3)
        assert log.of("T") == [[40, 40 - failed, failed, 0]]
        ended_before_waits(log)


def test_wait_covers_backoff_and_done(runs: dict[str, Run]) -> None:
    """jobq_wait returns neither during a backoff nor before done has returned."""
    log = read_log(runs["waits"])
    for i in range(8):
        check_job(i, log.jobs[i], 2, 3)
        check_job(100 + i, log.jobs[100 + i], 0, 1)
    assert log.of("T") == [[16, 16, 0, 0]]
    ended_before_waits(log)


def test_waiters_do_not_take_wakeups_of_workers(runs: dict[str, Run]) -> None:
    """Several threads in jobq_wait all come back, and idle workers start new jobs meanwhile."""
    log = read_log(runs["many waiters"])
    assert len(log.of("W")) == 6
    opened = log.at("G")[0]
    for i in range(1, 8):
        check_job(i, log.jobs[i], 0, 1)
        assert log.jobs[i].begun_at[0] < opened
    assert min(log.at("W")) > log.jobs[0].done_at[0], "jobq_wait returned while a job was running"


def test_done_may_submit(runs: dict[str, Run]) -> None:
    """A job submitted by a done callback is run and waited for."""
    log = read_log(runs["chains"])
    for i in range(30):
        check_job(i, log.jobs[i], 0, 1)
        check_job(500 + i, log.jobs[500 + i], 0, 1)
    ended_before_waits(log)


def test_finish_all_runs_everything_with_retries(runs: dict[str, Run]) -> None:
    """JOBQ_FINISH_ALL runs what was accepted, with retries, and refuses what comes later."""
    log = read_log(runs["finish all"])
    for i in range(24):
        check_job(i, log.jobs[i], i % 4, 3)
        assert log.jobs[i].done_at[0] < log.at("X")[0], "jobq_shutdown returned before a job had ended"
    assert log.jobs[900].rc == ECLOSED and not log.jobs[900].attempts and not log.jobs[900].ends
    assert log.of("T") == [[24, 18, 6, 0]]


def test_many_threads_lose_nothing(runs: dict[str, Run]) -> None:
    """Submissions from several threads get distinct ids and all end."""
    log = read_log(runs["threads"])
    for i in range(180):
        check_job(i, log.jobs[i], 1, 3)
    assert sorted(numbers[2] for numbers in log.of("S")) == list(range(1, 181))
    assert log.of("T") == [[180, 180, 0, 0]]


def test_accepted_means_run(runs: dict[str, Run]) -> None:
    """When a shutdown meets submissions, accepted jobs are run once and refused ones never."""
    log = read_log(runs["closing"])
    assert len(log.jobs) == 1000
    for number, seen in log.jobs.items():
        if seen.rc == 0:
            check_job(number, seen, 0, 1)
        else:
            assert (seen.rc, seen.attempts, seen.ends) == (ECLOSED, [], []), f"job {number}: {seen}"


def test_priorities_hold(runs: dict[str, Run]) -> None:
    """Higher priorities first, then order of submission; a retry queues behind its equals."""
    log = read_log(runs["order"])
    begun = [numbers[0] for numbers in log.of("R")]
    assert begun == [0, *sorted(range(1, 13), key=lambda i: (-(i % 3), i)), 20, 21, 22, 23, 21]


def test_idle_workers_sleep(runs: dict[str, Run]) -> None:
    """An idle pool does not wake up by itself: no polling, no timed waits."""
    log = read_log(runs["asleep"])
    before, after = (numbers[0] for numbers in log.of("V"))
    assert after - before <= 3, f"{after - before} wake-ups of four idle workers in one second"


def job_file(log: Path) -> tuple[str, dict[str, tuple[int, int]]]:
    """A job file whose commands leave a trace, and (fails, attempts) of each job."""
    plan = {f"job-{i}": (i % 4, 1 + i % 3) for i in range(18)}
    command = 'echo "$JOB_NAME $JOB_ATTEMPT" >> {log}; test "$JOB_ATTEMPT" -gt {fails}'
    lines = [f"{n} {i % 5} {most} {command.format(log=log, fails=fails)}" for i, (n, (fails, most)) in enumerate(plan.items())]
    return "# generated\n" + "\n".join(lines) + "\n", plan


def test_jobrun_reports_every_job(tree: Build) -> None:
    """jobrun starts each attempt once, prints one line for each job and then the summary."""
    with ThreadPoolExecutor(4) as pool:
        for failure in pool.map(lambda workers: jobrun_fault(tree, workers), range(1, 5)):
            assert failure == "", failure


def jobrun_fault(tree: Build, workers: int) -> str:
    """What is wrong with the report of one run; empty when nothing is."""
    log = tree.root / f"trace-{workers}"
    text, plan = job_file(log)
    result = run([str(tree.root / "build/jobrun"), "-w", str(workers), "-b", "8", "-"], tree.root, 15,
                 tree.jitter_env(f"{20 + workers} 500 1500 500 1000"), text)
    if result.status != 1:
        return result.brief()
    expected = {name: min(fails + 1, most) for name, (fails, most) in plan.items()}
    ok = {name for name, (fails, most) in plan.items() if fails < most}
    traces = Counter(log.read_text().splitlines())
    wrong = {line: n for line, n in traces.items() if n != 1}
    if wrong or set(traces) != {f"{name} {n}" for name, last in expected.items() for n in range(1, last + 1)}:
        return f"attempts that were not started exactly once, {workers} workers: {wrong or sorted(traces)}"
    want = [f"{n} {'ok' if n in ok else 'failed'} attempts={k} status={int(n not in ok)}" for n, k in expected.items()]
    *lines, last_line = result.out.splitlines()
    if sorted(lines) != sorted(want) or last_line != f"jobs=18 ok={len(ok)} failed={18 - len(ok)}":
        return f"unexpected report, {workers} workers:\n{result.out}"
    return ""


def test_jobrun_exit_statuses(tree: Build) -> None:
    """0 all ok, 1 a job failed (also by a signal), 2 a bad line, with the good lines still run."""
    jobrun = [str(tree.root / "build/jobrun"), "-w", "2", "-b", "1", "-"]
    fine = run(jobrun, tree.root, 10, stdin="a 1 1 true\nb 1 2 echo text\n")
    assert (fine.status, fine.out.splitlines()[-1]) == (0, "jobs=2 ok=2 failed=0")
    killed = run(jobrun, tree.root, 10, stdin="a 1 1 kill -TERM $$\nb 1 1 true\n")
    assert killed.status == 1 and "a failed attempts=1 status=143" in killed.out.splitlines()
    bad = run(jobrun, tree.root, 10, stdin="a 1 1 true\nb 1 zero true\nc 1 1 true")
    assert (bad.status, bad.out.splitlines()[-1]) == (2, "jobs=2 ok=2 failed=0")
    assert re.search(r"line 2\b", bad.err)


def test_public_interface_is_unchanged() -> None:
    """include/jobq.h is shared with other products: byte for byte the same."""
    assert (APP / "include/jobq.h").read_bytes() == (TESTS / "jobq.h.txt").read_bytes()


def test_queue_stays_one_file(tmp_path: Path) -> None:
    """src/queue.c builds with nothing but jobq.h and heap.[ch], as the other products build it."""
    root = work_tree()
    alone = root.parent / "alone"
    script = f"mkdir {alone} && cp include/jobq.h src/heap.h src/heap.c src/queue.c {alone} && cd {alone} && gcc -std=gnu11 -I. -c queue.c heap.c"
    result = run(["sh", "-c", script], root, 60)
    assert result.status == 0, result.brief()


def test_own_checks_pass() -> None:
    """`make check` passes on the submitted tree."""
    root = work_tree()
    build(root)
    result = run(["make", "check"], root, 60)
    assert result.status == 0, result.brief()
