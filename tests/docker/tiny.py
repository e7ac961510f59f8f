"""A small real task on the base image: two milestones, tests in bash, a solution for each."""

from __future__ import annotations

from pathlib import Path

MILESTONES = ("first", "second")

TASK = """\
schema_version = "1.4"
artifacts = ["/app"]

[metadata]
difficulty = "easy"
category = "files"
expert_time_estimate_min = 1
crux = "Two files must say the right words."
origin = "Made for the tests of the tool."

[task]
name = "assay/{name}"

[verifier]
environment_mode = "separate"

[environment]
network_mode = "no-network"
workdir = "/app"

[[steps]]
name = "first"

[steps.verifier]
timeout_sec = 20

[[steps]]
name = "second"

[steps.verifier]
timeout_sec = 20
"""

RUBRIC = """\
format: 1
criteria:
  - id: says-one
    statement: "`one.txt` says one."
    axis: correctness
    good: true
    must_pass: true
    weight: 1
    evidence: tests
    milestone: first
    why: "It is what was asked for."
"""

LIBRARY = """\
# Sourced by the tests of every milestone: `check NAME COMMAND...`, then `finish`.
cases="" failures=0
check() {
  local name="$1"; shift
  if "$@"; then
    cases="$cases<testcase classname='t' name='$name' time='0.01'/>"
  else
    failures=$((failures + 1))
    cases="$cases<testcase classname='t' name='$name' time='0.01'><failure message='no'/></testcase>"
  fi
}
finish() {
  printf '<testsuite>%s</testsuite>' "$cases" > /logs/verifier/junit.xml
  [ "$failures" -eq 0 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
}
"""


def write_workspace(root: Path, name: str = "tiny") -> Path:
    """A workspace with one task; returns the task's folder."""
    put(root / "assay.toml", "format = 1\n")
    return write_task(root / "tasks" / name)


def write_task(folder: Path) -> Path:
    """The task, in a folder of that name."""
    put(folder / "task.toml", TASK.format(name=folder.name))
    put(folder / "rubric.yaml", RUBRIC)
    put(folder / "instruction.md", "Write words into files.\n")
    dockerfile = "FROM debian:bookworm-slim\nCOPY app /app\nWORKDIR /app\n"
    put(folder / "environment/Dockerfile", dockerfile)
    put(folder / "environment/app/notes.txt", "keep me\n")
    put(folder / "environment/app/old.txt", "delete me\n")
    put(folder / "tests/library.sh", LIBRARY)
    for milestone, word in zip(MILESTONES, ("one", "two"), strict=True):
        step = folder / "steps" / milestone
        put(step / "instruction.md", f"`{word}.txt` must say {word}.\n")
        test = f". /tests/library.sh\ncheck says_{word} grep -qx {word} /app/{word}.txt\n"
        put(step / "tests/test.sh", f"{test}check keeps_notes grep -q keep /app/notes.txt\nfinish\n")
        put(step / "solution/solve.sh", f"echo {word} > {word}.txt\n")
    return folder


def put(file: Path, text: str) -> None:
    """Write a text file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
