"""The promises in numbers, measured as ratios against a floor or a peer in the same run: `make bench`.

Every line says what was measured, what it was divided by, the ratio and the bound. Absolute times stay out of
judgement: they are the machine's. Exits 1 when a bound is broken.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.graded import TASK

ASSAY = [sys.executable, "-m", "assay"]
FILES = 1000
BUSY = f"""\
artifacts = ["/root/out.txt"]
{TASK.format(task="busy")}\
[verifier]
environment_mode = "separate"
[environment]
network_mode = "no-network"
workdir = "/root"
[[steps]]
name = "wait"
"""
TASKS = 3500
AUDIT_FACTOR = 75
LOGS, LOG_BYTES = 500, 220_000
IMPORT_FACTOR = 50
RATIONALE_FACTOR = 7
SITE_FACTOR = 10
READ_AND_PARSE = """
import hashlib, json, os, sys
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        content = file.read()
    hashlib.sha256(content).hexdigest()
    for text in content.split(b"\\n") if name.endswith(".jsonl") else [content]:
        text.strip() and json.loads(text)
"""
READ_AND_HASH = """
import hashlib, os, sys
for place, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(place, name), "rb") as file:
            hashlib.sha256(file.read()).hexdigest()
"""


@dataclass(frozen=True)
class Measure:
    """Seconds of the thing and of what it is compared with; `at_most` says which side of `bound` is good."""

    what: str
    against: str
    seconds: float
    base: float
    bound: float
    at_most: bool = True

    @property
    def ratio(self) -> float:
        """How many times the base; for speed-ups how many times faster."""
        return self.seconds / self.base if self.at_most else self.base / self.seconds

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound


def wall(command: list[str], cwd: Path, times: int = 7) -> float:
    """Median wall time of a command, in seconds."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def cpu(command: list[str], cwd: Path) -> float:
    """User and system time of a command and its children, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hook(root: Path) -> Iterator[Measure]:
    """A hook run on one changed file against the imports it cannot do without."""
    floor = wall([sys.executable, "-c", "import pydantic, yaml"], root)
    spent = wall([*ASSAY, "check", "assay.toml"], root)
    yield Measure("assay check, one file", 'python -c "import pydantic, yaml"', spent, floor, 3)


def site(root: Path) -> Iterator[Measure]:
    """A thousand trajectories and a log of five thousand steps; seconds are CPU of the programs and of the page."""
    from bench.site import STEPS, TRAJECTORIES, browser, floor, thousand

    place = root.parent / "site"
    empty = floor(place / "empty")
    found = thousand(place / "thousand")
    many = f"assay site, {TRAJECTORIES} trajectories"
    yield Measure(many, "MkDocs on as many empty pages", found["whole"], empty, SITE_FACTOR)
    yield Measure(many, "15 s of CPU", found["whole"], 15, 1)
    yield Measure(f"{many}, nothing changed", "3 s of CPU", found["again"], 3, 1)
    yield Measure(f"{many}, one annotation changed", "3 s of CPU", found["changed"], 3, 1)
    yield Measure(f"{many}, memory (bytes)", "1 GB", found["bytes"], 1e9, 1)
    page = browser(place / "long")
    yield Measure(f"a log of {STEPS} steps is ready", "1 s of CPU", page["ready"], 1, 1)
    yield Measure(f"a log of {STEPS} steps, elements", "25,000", page["elements"], 25_000, 1)
    yield Measure(f"a link to lines of a log of {STEPS} steps", "2 s of CPU", page["link"], 2, 1)
    shutil.rmtree(place)


def viewers(root: Path) -> Iterator[Measure]:
    """The same long run in other viewers; seconds are CPU of the page."""
    from bench.viewers import STEPS, compared

    place = root.parent / "viewers"
    found = compared(place)
    mine = found.pop("assay")
    if not found:
        print("left out: other viewers (the package index has to be reached once)", file=sys.stderr)
    for name, theirs in found.items():
        what = f"a log of {STEPS} steps is ready ({mine['elements']:,.0f} elements, there {theirs['elements']:,.0f})"
        yield Measure(what, name, mine["ready"], theirs["ready"], 1)
    shutil.rmtree(place)


def rationale(root: Path) -> Iterator[Measure]:
    """A hook run after one rationale was edited, among 500 trajectories of 25 tasks, 20 of them its own."""
    from bench.graded import generate

    sheet = generate(root / "graded", 25, 20)
    floor = wall([sys.executable, "-c", "import pydantic, yaml"], root)
    spent = wall([*ASSAY, "check", sheet], root / "graded")
    everything = wall([*ASSAY, "check"], root / "graded", 1)
    shutil.rmtree(root / "graded")
    what = f"assay check, one rationale of 500 trajectories ({spent:.2f} s; all of it {everything:.1f} s)"
    yield Measure(what, 'python -c "import pydantic, yaml"', spent, floor, RATIONALE_FACTOR)
    yield Measure("assay check, one rationale of 500 trajectories", "0.5 s", spent, 0.5, 1)


def annotations(root: Path) -> Iterator[Measure]:
    """Reading and checking many annotations against check-jsonschema on the same files."""
    peer = shutil.which("check-jsonschema", path=Path(sys.executable).parent) or shutil.which("check-jsonschema")
    if peer is None:
        print("left out: annotations against check-jsonschema (pip install check-jsonschema)", file=sys.stderr)
        return
    folder = root / "annotations/hello-milestones"
    folder.mkdir(parents=True, exist_ok=True)
    line = '      Line {n} says what was seen [step:{n} "some words that are there"].'
    rationale = "\n".join(line.format(n=n) for n in range(1, 12))
    grade = "      criterion-{n}: {{holds: true, cites: ['step:1 \"some words that are there\"']}}"
    grades = "\n".join(grade.format(n=n) for n in range(10))
    for number in range(FILES):
        (folder / f"rater-{number}.yaml").write_text(
            f"format: 1\ntask: hello-milestones\nannotator: rater-{number}\nguidelines: 1\nrubric: '{'0' * 40}'\n"
            f"order: [calm-heron]\ngrades:\n  calm-heron:\n    rationale: |\n{rationale}\n    criteria:\n{grades}\n"
            "ranking: [[calm-heron]]\ncomparison: |\n  Only one.\nminutes: 5\n"
        )
    schema = str(root / "schemas/annotation.schema.json")
    files = [str(file) for file in sorted(folder.glob("*.yaml"))]
    theirs = cpu([peer, "--schemafile", schema, *files], root)
    ours = cpu([*ASSAY, "check"], root)
    shutil.rmtree(folder)
    yield Measure(f"assay check, {FILES} annotations, CPU", "check-jsonschema on them", ours, theirs, 10, at_most=False)


def scans(root: Path) -> Iterator[Measure]:
    """Looking for names of agents in text like that of logs, against cutting the same bytes at blanks."""
    from assay.masking import scan

    files = [*sorted(Path(os.__file__).parent.glob("*.py")), *sorted(root.rglob("*.json"))]
    text = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
    content = text.encode()
    spent, floor = (
        min(timed(work, time.process_time) for _ in range(9)) for work in (lambda: list(scan(text)), content.split)
    )
    size = len(content) / 1e6
    yield Measure(f"leak scan of {size:.0f} MB, CPU ({size / spent:.0f} MB/s)", "bytes.split of them", spent, floor, 3)


def oracle(root: Path) -> Iterator[Measure]:
    """One oracle trial (a fresh container for the solution, one for the tests) against one bare `docker run`."""
    from assay.executors.docker import Engine
    from assay.replay.stages import plans, run_stage
    from assay.verification.preparation import prepare
    from assay.workspace import load

    task = load(root).tasks["hello-milestones"]
    bare = wall(["docker", "run", "--rm", "--network", "none", "debian:bookworm-slim", "true"], root)
    with Engine.connect() as engine:
        prepared = prepare(engine, task)
        ladder = next(plan for plan in plans(task) if plan.name == "oracle")
        stages = [timed(lambda: run_stage(engine, prepared, ladder)) for _ in range(5)]
        per_trial = statistics.median(stages) * 2 / (1 + len(task.milestones))
        yield Measure("oracle trial: solution + one milestone's tests", "docker run … true", per_trial, bare, 3)


def long_tests(root: Path) -> Iterator[Measure]:
    """Tests of five seconds: what surrounds them, and whether two processors do twice the work."""
    from concurrent.futures import ThreadPoolExecutor

    from assay.executors.docker import Engine
    from assay.replay.stages import plans, run_stage
    from assay.verification.preparation import prepare
    from assay.workspace import load

    folder = root / "tasks/busy"
    loops = round(5 * 200_000 / timed(lambda: subprocess.run(["bash", "-c", busy(200_000)], check=True)))
    files = {"task.toml": BUSY, "instruction.md": "Nothing.\n", "environment/Dockerfile": "FROM debian:bookworm-slim\n"}
    files["tests/test.sh"] = f"{busy(loops)}\necho 1 > /logs/verifier/reward.txt\n"
    files["steps/wait/solution/solve.sh"] = "echo done > /root/out.txt\n"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    bare_run = ["docker", "run", "--rm", "--network", "none", "debian:bookworm-slim", "bash", "-c", busy(loops)]
    with Engine.connect() as engine:
        task = load(root).tasks["busy"]
        prepared, oracle = prepare(engine, task), next(plan for plan in plans(task) if plan.name == "oracle")
        run_stage(engine, prepared, oracle)
        bare, trial = wall(bare_run, root, 3), [timed(lambda: run_stage(engine, prepared, oracle)) for _ in range(3)]
        yield Measure("oracle trial with tests of 5 s", "docker run of them", statistics.median(trial), bare, 1.15)
        with ThreadPoolExecutor(2) as pool:
            two = timed(lambda: list(pool.map(lambda _: run_stage(engine, prepared, oracle), range(4))))
    shutil.rmtree(folder)
    if (os.cpu_count() or 1) > 1:
        yield Measure(
            "4 trials with tests of 5 s, 2 jobs", "1 job", two, 4 * statistics.median(trial), 1.7, at_most=False
        )


def trials(root: Path) -> Iterator[Measure]:
    """A trial with a real agent against the agent's own time: at most a tenth more, or two seconds."""
    if shutil.which("npm") is None:
        print("left out: a trial with a real agent (`make agents` installs npm)", file=sys.stderr)
        return
    from bench.trials import measure

    spent, own = measure(root)
    what = f"a trial with a real agent, its tests apart ({spent - own:.1f} s more)"
    yield Measure(what, "the agent's own turns", spent, own, round(max(1.1, 1 + 2 / own), 2))


def busy(loops: int) -> str:
    """A shell line that keeps a processor at work."""
    return f"i=0; while [ $i -lt {loops} ]; do i=$((i+1)); done"


def audits(root: Path) -> Iterator[Measure]:
    """Auditing many task folders, near-duplicates among them too, against reading and hashing the same files."""
    from bench.corpus import generate

    generate(root / "corpus", TASKS)
    floor = cpu([sys.executable, "-c", READ_AND_HASH, "corpus"], root)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    memory = peak_memory([*ASSAY, "audit", "corpus", "--format", "csv"], root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    shutil.rmtree(root / "corpus")
    what = f"assay audit, {TASKS} tasks"
    yield Measure(f"{what}, CPU ({spent:.1f} s)", "reading and hashing them", spent, floor, AUDIT_FACTOR)
    yield Measure(f"{what}, CPU", "60 s", spent, 60, 1)
    yield Measure(f"{what}, memory of all processes ({memory / 1e6:.0f} MB)", "1 GB", memory, 1e9, 1)


def imports(root: Path) -> Iterator[Measure]:
    """Importing many logs of all formats, 110 MB, against reading, hashing and parsing them."""
    from bench.logs import generate

    (root / "logs").mkdir()
    size = generate(root / "logs", LOGS, LOG_BYTES)
    floor = cpu([sys.executable, "-c", READ_AND_PARSE, "logs"], root)
    files = sorted(str(file.relative_to(root)) for file in (root / "logs").iterdir())
    spent = cpu([*ASSAY, "import", *files, "--task", "hello-milestones"], root)
    found = len(list(root.glob("trajectories/hello-milestones/*/trajectory.json")))
    if found != LOGS:
        raise SystemExit(f"bench: {found} of {LOGS} logs were imported")
    for name in ("logs", "trajectories", ".assay"):
        shutil.rmtree(root / name)
    what = f"assay import, {LOGS} logs, {size / 1e6:.0f} MB, CPU"
    yield Measure(f"{what} ({spent:.1f} s)", "reading, hashing and parsing them", spent, floor, IMPORT_FACTOR)
    yield Measure(what, "20 s", spent, 20, 1)


def rankings(_: Path) -> Iterator[Measure]:
    """A million comparisons of 100 agents with 100 bootstraps, and what intervals hold, against what they promise."""
    from bench.rankings import coverage, measured

    found, peer = measured("ours"), measured("evalica")
    what = "ranking 1,000,000 comparisons, 100 bootstraps"
    yield Measure(f"{what}, CPU", "1 s", found["seconds"], 1, 1)
    yield Measure(f"{what}, memory ({found['bytes'] / 1e6:.0f} MB)", "500 MB", found["bytes"], 500e6, 1)
    if peer:
        against = f"evalica ({peer['seconds']:.0f} s)"
        yield Measure(f"{what}, CPU", against, found["seconds"], peer["seconds"], 20, at_most=False)
    for setting, share in coverage():
        yield Measure(f"share of 95 % intervals that hold the truth: {setting}", "1", 1, share, 0.91, at_most=False)


def peak_memory(command: list[str], cwd: Path) -> float:
    """The most bytes that a command and its descendants held at once, pages they share counted for each."""
    page, peak = os.sysconf("SC_PAGESIZE"), 0.0
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        while started.poll() is None:
            peak = max(peak, sum(map(resident_pages, family(started.pid))) * page)
            time.sleep(0.1)
    return peak


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in file.read_text().split():
                yield from family(int(child))


def resident_pages(pid: int) -> int:
    """Pages of a process in memory; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Wall seconds of a call, or those of another clock."""
    start = clock()
    work()
    return clock() - start


def main() -> int:
    """Measure everything in a workspace made for it; print a table, and JSON with --json."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs has its bytecode
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        subprocess.run([*ASSAY, "init", str(root)], check=True, stdout=subprocess.DEVNULL)
        measures = [
            found
            for part in (
                hook,
                rationale,
                annotations,
                scans,
                imports,
                audits,
                rankings,
                site,
                viewers,
                oracle,
                long_tests,
                trials,
            )
            for found in part(root)
        ]
    if "--json" in sys.argv:
        print(json.dumps([{**vars(item), "ratio": item.ratio, "holds": item.holds} for item in measures], indent=2))
    else:
        for item in measures:
            sign = "<=" if item.at_most else ">="
            verdict = "ok" if item.holds else "BROKEN"
            print(f"{verdict:<7} {item.what}: {item.ratio:.2f} x {item.against} (bound {sign} {item.bound:g})")
    return 0 if all(item.holds for item in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
