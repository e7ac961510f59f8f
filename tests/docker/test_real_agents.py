"""A real agent from npm through the whole harness, as the site's recipe sets it up, with a scripted model behind it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema
import pyrage
import pytest

from assay.agents.policies import load_material
from assay.agents.scripted_model import serve
from assay.errors import EnvironmentMissingError
from assay.model.trajectory import Step
from assay.scaffold.workspace import create
from assay.trials.installs import PLACE, provide
from assay.workspace import Attempt, load
from tests.docker.conftest import Called, assay, containers_of, environment
from tests.docker.screens import recorded, seen
from tests.docker.test_record import Person
from tests.recipes import recipe, settings

ROOT = Path(__file__).parents[2]
AGENT, TASK, SMALL = "opencode", "ledger-loader", "hello-milestones"
MODEL = "kestrel-large-2"
ANSWER, OTHER = "Blanks of any kind, and ends of lines.", "As you like."
TELLING = re.compile(r"open.?code|loop/|subject.?model|policy.?strong|kestrel", re.IGNORECASE)
"""Names of the agent and of its model, and how both are called where they are set up."""
LOOK = (
    "for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$p; echo; done 2>/dev/null | grep -m 1 '^/opt/agent/' && "
    "ls /sys/class/net && cut -f 1 /proc/net/route"
)
"""In a container in which an agent works: its command line, the network devices, and the devices of all routes."""

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture(scope="module")
def installed() -> Path:
    """The folder in which programs of agents are, kept from one run of the tests to the next."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH; `make agents` installs it")
    try:
        provide(ROOT, AGENT, settings(AGENT, "policy:strong"))
    except EnvironmentMissingError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.message)
    return ROOT / PLACE


@pytest.fixture
def root(tmp_path: Path, installed: Path) -> Path:
    """A new workspace that can run the agent, and seals who it was."""
    create(tmp_path / "w", "W")
    (tmp_path / "w" / PLACE).parent.mkdir()
    (tmp_path / "w" / PLACE).symlink_to(installed)
    return tmp_path / "w"


def configure(root: Path, endpoint: str) -> None:
    key = pyrage.x25519.Identity.generate().to_public()
    with (root / "assay.toml").open("a") as policy:
        policy.write(f'\n[seal]\nrecipients = ["{key}"]\n\n{recipe(AGENT, endpoint)}')


def run_and_look(root: Path, *arguments: str, limit: float = 300) -> tuple[Called, Mapping[str, list[str]]]:
    """Run the command line, and look from outside into its containers: what `LOOK` prints, where an agent works."""
    words = [sys.executable, "-m", "assay", *arguments]
    found: dict[str, list[str]] = {}
    with subprocess.Popen(
        words, cwd=root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            try:
                out, err = process.communicate(timeout=0.5)
                return Called(process.returncode, out, err, process.pid), found
            except subprocess.TimeoutExpired:
                for container in set(containers_of(process.pid)) - found.keys():
                    look = ["docker", "exec", container, "sh", "-c", LOOK]
                    done = subprocess.run(look, capture_output=True, text=True, check=False)
                    if done.returncode == 0:
                        found[container] = done.stdout.splitlines()
        process.kill()
    raise AssertionError(f"not over after {limit} s")


def written(root: Path) -> Iterator[tuple[str, str]]:
    """Path and text of all that a run left in the workspace, but the sealed map and what it was made from."""
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        given = path == "assay.toml" or path.startswith(("tasks/", "schemas/", "site/", f"{PLACE}/"))
        if file.is_file() and not given and not path.startswith(".assay/identities/"):
            content = gzip.decompress(file.read_bytes()) if path.endswith(".gz") else file.read_bytes()
            yield path, content.decode(errors="replace")


def attempt_of(root: Path, task: str) -> Attempt:
    (attempt,) = load(root).attempts[task].values()
    return attempt


def steps_of(attempt: Attempt) -> list[Step]:
    assert attempt.trajectory
    return attempt.trajectory.record.steps


def test_three_milestones_without_network_under_the_simulated_user(root: Path) -> None:
    shutil.copytree(ROOT / "tasks" / TASK, root / "tasks" / TASK)
    configure(root, 'endpoint = "policy:strong"\n')

    called, looks = run_and_look(root, "run", TASK, "--agent", AGENT)

    assert called.code == 0, called.out + called.err
    attempt = attempt_of(root, TASK)
    assert attempt.session
    predicate = attempt.session.record.predicate
    assert predicate.course
    assert (predicate.outcome, predicate.kind, predicate.course.ended) == ("scored", "policy", "done")
    assert [result.passed for result in predicate.milestones] == [True, True, True]
    check_alone(predicate.isolation.network, looks, predicate.isolation.container)
    check_speech(steps_of(attempt))
    check_log(attempt.folder / "trajectory.json")
    assert assay(root, "check").code == 0
    check_nothing_tells(root, called)
    assert containers_of(called.pid) == []


def check_alone(network: str, looks: Mapping[str, list[str]], container: str) -> None:
    """What the engine said before the start, and what was seen from outside while the agent was at work."""
    assert network == "none"
    ((where, (command, *network_of)),) = looks.items()
    assert container.startswith(where)
    assert command == "/opt/agent/opencode acp "
    assert network_of == ["lo", "Iface"]


def check_speech(steps: list[Step]) -> None:
    """The user asked for each milestone, the agent's questions were answered, and its commands really ran."""
    rules = [(step.extra or {})["assay"]["rule"] for step in steps if step.source == "user"]
    assert (rules[0], rules.count("on_milestone_pass"), rules.count("on_ask")) == ("at_start", 2, 3)
    results = [result for step in steps if step.observation for result in step.observation.results]
    assert len(results) >= 9
    assert {result.exit_code for result in results} == {0}
    assert any("ledger/loader.py" in str(result.content) for result in results)


def check_log(file: Path) -> None:
    schema = json.loads((ROOT / "schemas/trajectory.schema.json").read_text())
    log = json.loads(file.read_text())
    jsonschema.Draft202012Validator(schema).validate(log)
    assert log["schema_version"] == "ATIF-v1.8"


def check_nothing_tells(root: Path, called: Called) -> None:
    texts = dict(written(root))
    session = next(path for path in texts if path.endswith("session.json")).rpartition("/")[0]
    made = [
        f"{session}/trajectory.json",
        f"{session}/tests/late-corrections.json",
        f"trajectories/{TASK}/identities.age",
    ]
    assert set(made) <= texts.keys()
    assert any(path.startswith(".assay/images/") for path in texts)
    texts |= {"output": called.out, "errors": called.err}
    assert [path for path, text in texts.items() if TELLING.search(path) or TELLING.search(text)] == []
    # who it was is known, where it should be
    identities = json.loads((root / ".assay/identities" / f"{TASK}.json").read_text())["identities"]
    assert [item["agent"] for item in identities.values()] == [AGENT]
    assert TELLING.search(json.dumps(identities))


def test_a_person_speaks_to_a_real_agent_that_nobody_names(root: Path) -> None:
    with serve(load_material(root / "tasks" / SMALL), "strong") as url:
        configure(root, f'endpoint = "{url}"\nmodel = "{MODEL}"\n')
        person = Person(root, command=("run", SMALL, "--agent", "blind", "--user", "me", "--alias", "calm-heron"))
        for sees, types in (
            ("milestone 1 of 2", ""),
            ("Before I start: how about", ANSWER),
            ("Done: count words", ":check"),
            ("count-words: passed", ":diff"),
            ("+++ b/", ":next"),
            ("milestone 2 of 2", ""),
            ("Before I start: how about", OTHER),
            ("Done: skip words", ":end"),
            ("skip-words: passed", None),
        ):
            person.sees(sees, 90)
            if types is not None:
                person.sees("> ")
                time.sleep(0.2)
                person.types(types)
        assert person.leaves() == 0

    attempt = attempt_of(root, SMALL)
    assert attempt.session
    predicate = attempt.session.record.predicate
    assert predicate.course
    course = predicate.course
    assert (predicate.kind, course.mode, course.ended, course.turns) == ("agent", "me", "done", 4)
    assert seen(person.shown) == recorded(attempt, "count-words")
    users = [step for step in steps_of(attempt) if step.source == "user"]
    assert [step.text for step in users if (step.extra or {})["assay"]["text"] == "own"] == [ANSWER, OTHER]
    assert f"> {ANSWER}\r\n" in person.shown
    assert f"> {OTHER}\r\n" in person.shown
    told = [person.shown, *dict(written(root)).values()]
    assert not [text for text in told if TELLING.search(text)]
    identities = json.loads((root / ".assay/identities" / f"{SMALL}.json").read_text())["identities"]
    assert [(item["agent"], item["model"]) for item in identities.values()] == [(AGENT, MODEL)]
