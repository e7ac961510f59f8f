"""What reaches a verifier, what cannot be forged, and what counts as no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.executors.docker import Engine
from assay.model.outcome import TestReport
from assay.verification.separate import verify
from assay.verification.solving import Work, solve
from tests.docker.conftest import prepared
from tests.docker.tiny import put

LAWFUL = ". /tests/library.sh\ncheck says_one grep -qx one /app/one.txt\nfinish\n"


def graded(engine: Engine, workspace: Path, folder: Path, solution: str, test: str) -> TestReport:
    """The report on `first` after a container in which `solution` ran."""
    put(workspace / "tasks/tiny/steps/first/solution/solve.sh", solution)
    put(workspace / "tasks/tiny/steps/first/tests/test.sh", test)
    task = prepared(engine, workspace)
    solved = solve(engine, task, Work(1), folder)
    assert solved.outcome == "scored", solved.reason
    return verify(engine, task, "first", solved.taken, folder).report


def test_honest_work_is_scored(engine: Engine, workspace: Path, folder: Path) -> None:
    report = graded(engine, workspace, folder, "echo one > one.txt", LAWFUL)

    assert (report.outcome, report.passed, report.reward) == ("scored", True, 1.0)
    assert [(test.name, test.status) for test in report.tests] == [("says_one", "passed")]


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("true", "neither reward.json nor reward.txt"),
        (": > /logs/verifier/reward.txt", "one finite number"),
        ("echo nan > /logs/verifier/reward.txt", "one finite number"),
        ("echo '{\"reward\": true}' > /logs/verifier/reward.json", "finite number"),
        (f"{LAWFUL}echo 1 > /logs/verifier/reward.txt", "but test `says_one` did not pass"),
        ("echo 1 > /logs/verifier/reward.txt; kill -KILL $PPID; sleep 9", "were killed before"),
        ("echo 1 > /logs/verifier/reward.txt; kill -TERM 1; sleep 9", "before the tests did"),
    ],
)
def test_no_trustworthy_reward_is_no_grade(
    engine: Engine, workspace: Path, folder: Path, test: str, reason: str
) -> None:
    report = graded(engine, workspace, folder, "true", test)

    assert report.outcome.startswith("invalid-")
    assert report.passed is None
    assert report.reward is None
    assert reason in report.reason


def test_tests_that_hang_are_stopped(engine: Engine, workspace: Path, folder: Path) -> None:
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace("timeout_sec = 20", "timeout_sec = 1"))

    report = graded(engine, workspace, folder, "true", "echo 1 > /logs/verifier/reward.txt\nsleep 60\n")

    assert (report.outcome, report.passed) == ("invalid-verifier", None)
    assert "did not end within 1 s" in report.reason
    assert report.seconds < 15


def test_tests_that_run_out_of_memory_are_no_grade_and_say_so(engine: Engine, workspace: Path, folder: Path) -> None:
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace("[environment]\n", "[environment]\nmemory_mb = 32\n"))

    report = graded(engine, workspace, folder, "true", "tail /dev/zero\nexit $?\n")

    assert report.outcome.startswith("invalid-")
    assert "memory" in report.reason


HIJACKS = {
    "a command of the same name, first on the path": "printf '#!/bin/sh\\nexit 0\\n' > /usr/local/sbin/grep; "
    "chmod +x /usr/local/sbin/grep",
    "a shell that always succeeds": "cp /bin/true /usr/local/sbin/bash; cp /bin/true /bin/bash.new && "
    "mv /bin/bash.new /bin/bash",
    "a reward that is there already": "mkdir -p /logs/verifier; echo '{\"reward\": 1}' > /logs/verifier/reward.json",
    "a process that writes the reward later": "(while :; do mkdir -p /logs/verifier; echo 1 > "
    "/logs/verifier/reward.txt; sleep 0.1; done) > /dev/null 2>&1 &",
    "start-up files": "echo 'grep() { true; }; export -f grep' | tee -a /etc/profile /root/.bashrc /etc/bash.bashrc",
    "a preloaded library": "echo /lib/evil.so > /etc/ld.so.preload",
    "other tests": "mkdir -p /tests; echo 'echo 1 > /logs/verifier/reward.txt' > /tests/test.sh",
}


@pytest.mark.parametrize("plant", HIJACKS.values(), ids=HIJACKS)
def test_nothing_planted_in_the_agents_container_forges_a_pass(
    engine: Engine, workspace: Path, folder: Path, plant: str
) -> None:
    report = graded(engine, workspace, folder, f"{plant}\nexit 0\n", LAWFUL)

    assert (report.outcome, report.passed) == ("scored", False)


def test_links_and_devices_do_not_leave_the_agents_container(engine: Engine, workspace: Path, folder: Path) -> None:
    plant = "ln -s /etc/passwd one.txt; mkfifo pipe; ln notes.txt twin.txt; mkdir -m 4755 d; echo x > d/kept.txt"
    seen = "ls -R /app\n[ ! -e /app/one.txt ] && [ ! -e /app/pipe ] && [ -f /app/d/kept.txt ] && [ ! -u /app/d ]"

    report = graded(engine, workspace, folder, plant, f"{seen} && echo 1 > /logs/verifier/reward.txt\n")

    assert (report.outcome, report.passed) == ("scored", True), report.reason
    links = ["/app/one.txt: symbolic link to /etc/passwd", "/app/pipe: not a plain file"]
    assert set(links) < set(report.rejected)
    assert [entry for entry in report.rejected if entry.endswith(": hard link")]


def test_a_missing_artifact_is_named(engine: Engine, workspace: Path, folder: Path) -> None:
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace('["/app"]', '["/app", "/srv/extra"]'))

    report = graded(engine, workspace, folder, "echo one > one.txt", LAWFUL)

    assert report.passed is True
    assert report.rejected == ["/srv/extra: missing"]


def test_what_the_agent_deleted_stays_deleted(engine: Engine, workspace: Path, folder: Path) -> None:
    test = "[ -e /app/old.txt ] && echo 0 > /logs/verifier/reward.txt || echo 1 > /logs/verifier/reward.txt\n"

    assert graded(engine, workspace, folder, "rm old.txt", test).passed is True


def test_neither_side_has_a_network_and_tests_are_read_only(engine: Engine, workspace: Path, folder: Path) -> None:
    only_loopback = '[ "$(ls /sys/class/net)" = lo ]'
    test = f"{only_loopback} && ! touch /tests/x 2>/dev/null && echo 1 > /logs/verifier/reward.txt\n"

    report = graded(engine, workspace, folder, f"{only_loopback} || exit 5", test)

    assert (report.outcome, report.passed) == ("scored", True)


@pytest.mark.parametrize(
    "attack",
    [
        "echo 1 > /logs/verifier/reward.txt; rm -rf /logs/verifier; mv /logs /l",
        "mv /logs/verifier /logs/old; mkdir /logs/verifier; echo '{\"reward\": 1}' > /logs/verifier/reward.json",
        "echo 'echo 1 > /logs/verifier/reward.txt; exit 0' > /tests/test.sh; mv /tests /t; mkdir /tests",
        "for f in /proc/[0-9]*; do echo 1 > $f/fd/1; echo 1 > $f/cwd/one.txt; kill -KILL ${f#/proc/}; done",
        "(while :; do echo 1 > /logs/verifier/reward.txt; sleep 0.05; done) > /dev/null 2>&1 &",
    ],
)
def test_an_unprivileged_user_of_the_verifier_cannot_reach_the_reward(
    engine: Engine, workspace: Path, folder: Path, attack: str
) -> None:
    image = workspace / "tasks/tiny/environment/Dockerfile"
    put(image, f"{image.read_text()}RUN mkdir -p /logs/verifier && chmod -R 777 /logs\n")
    put(workspace / "tasks/tiny/steps/first/tests/attack.sh", attack)
    test = f"setpriv --reuid 65534 --regid 65534 --clear-groups bash /tests/attack.sh 2>/dev/null\n{LAWFUL}"

    report = graded(engine, workspace, folder, "true", test)

    assert (report.outcome, report.passed) == ("scored", False)


@pytest.mark.parametrize("mode", ["separate", "shared"])
def test_tests_may_run_as_a_user_of_the_tasks_choice(engine: Engine, workspace: Path, folder: Path, mode: str) -> None:
    file = workspace / "tasks/tiny/task.toml"
    put(file, file.read_text().replace('"separate"', f'"{mode}"\nuser = "games"'))
    test = f'[ "$(id -un)" = games ] || exit 9\n{LAWFUL}'

    report = graded(engine, workspace, folder, "echo one > one.txt", test)

    assert (report.outcome, report.passed) == ("scored", True)


def test_endless_output_is_cut_in_the_middle(engine: Engine, workspace: Path, folder: Path) -> None:
    put(workspace / "tasks/tiny/steps/first/tests/test.sh", "echo start; yes | head -c 12000000; echo; echo end\n")
    task = prepared(engine, workspace)
    solved = solve(engine, task, Work(), folder)

    log = verify(engine, task, "first", solved.taken, folder).log

    assert len(log) < 8 * 1024 * 1024 + 1000
    assert log.startswith(b"start")
    assert log.endswith(b"end\n")
    assert b"bytes hidden" in log
