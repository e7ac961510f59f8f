"""`assay run` and `assay calibrate` with scripted agents in real containers, as a new workspace has them."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.model.trajectory import Step, Trajectory
from assay.rules import run as check
from assay.scaffold.workspace import create
from assay.workspace import Attempt, load
from tests.docker.conftest import assay, containers_of
from tests.docker.screens import recorded, seen
from tests.docker.test_record import Person
from tests.docker.tiny import put

pytestmark = pytest.mark.usefixtures("engine")
TASK = "hello-milestones"
COMMAND = [sys.executable, "-m", "assay.agents.scripted_agent", "--policy", "asks-nothing", "--task", "{task}"]


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    create(tmp_path / "w", "W")
    return tmp_path / "w"


def attempts(root: Path) -> list[Attempt]:
    return list(load(root).attempts.get(TASK, {}).values())


def test_a_policy_is_run_recorded_isolated_and_no_name_of_it_is_open(hello: Path) -> None:
    called = assay(
        hello, "run", TASK, "--agent", "policy-strong", "--agent", "policy-partial", "-n", "2", "--jobs", "2"
    )

    assert called.code == 0, called.out + called.err
    assert called.out.count("scored: done") == 4
    assert containers_of(called.pid) == []
    found = attempts(hello)
    sessions = [attempt.session.record.predicate for attempt in found if attempt.session]
    assert len({session.isolation.container for session in sessions}) == 4
    assert len({session.invocation for session in sessions}) == 4
    assert {session.kind for session in sessions} == {"policy"}
    assert sorted(session.course.position for session in sessions if session.course) == [0, 1, 2, 3]
    for session in sessions:
        assert (session.isolation.network, session.isolation.start_diff, session.isolation.mounts) == ("none", [], [])
        assert session.course
        assert (session.course.agent_state, session.course.ended) == ([], "done")
    passed = sorted([result.passed for result in session.milestones] for session in sessions)
    assert passed == [[True, False], [True, False], [True, True], [True, True]]
    assert check(load(hello)) == []
    texts = [file.read_text() for file in (hello / "trajectories").rglob("*") if file.is_file()]
    assert not [text for text in texts if re.search(r"policy-(strong|partial)|\"strong\"|\"partial\"", text)]
    identities = json.loads((hello / ".assay/identities" / f"{TASK}.json").read_text())["identities"]
    assert sorted(item["agent"] for item in identities.values()) == ["policy-partial"] * 2 + ["policy-strong"] * 2


def test_the_same_seed_gives_the_same_bytes(hello: Path) -> None:
    for _ in range(2):
        assert assay(hello, "run", TASK, "--agent", "policy-asks-everything", "--seed", "s").code == 0
    one, other = ((attempt.folder / "trajectory.json").read_bytes() for attempt in attempts(hello))
    assert one == other
    log = [(step.extra or {}).get("assay", {}) for step in json_steps(one)]
    assert [entry["rule"] for entry in log if "rule" in entry] == ["at_start", "on_ask", "on_milestone_pass", "on_ask"]


def json_steps(content: bytes) -> Iterator[Step]:
    yield from Trajectory.model_validate_json(content).steps


def test_full_and_a_later_start(hello: Path) -> None:
    full = assay(hello, "run", TASK, "--agent", "policy-asks-nothing", "--user", "full", "--alias", "calm-heron")
    later = assay(hello, "run", TASK, "--agent", "policy-lazy", "--start", "skip-words", "--alias", "dry-finch")

    assert "count-words: passed\n  skip-words: passed" in full.out
    assert "count-words: passed\n  skip-words: failed" in later.out
    assert check(load(hello)) == []
    replayed = assay(hello, "replay", "--repeat", "1", "--no-hijack", "--mutants", "0")
    assert "2 of 2 trajectories reproduce" in replayed.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--agent", "nobody"], "no agent is called `nobody`"),
        (["--agent", "blind", "--agent", "policy-lazy"], "stands alone"),
        (["--agent", "policy-lazy", "--start", "nowhere"], "has no milestone `nowhere`"),
        (["--agent", "policy-lazy", "-n", "2", "--alias", "calm-heron"], "names one attempt"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_message(hello: Path, arguments: list[str], says: str) -> None:
    called = assay(hello, "run", TASK, *arguments)
    assert (called.code, called.out) == (2, "")
    assert says in called.err
    assert not attempts(hello)


def test_calibration_measures_what_policies_do_and_says_that_they_are_no_models(hello: Path) -> None:
    options = ("--agent", "policy-asks-nothing", "--agent", "policy-lazy", "-n", "2", "--from-reference")
    called = assay(hello, "calibrate", TASK, *options, limit=300)

    assert called.code == 0, called.err
    assert "not models" in called.out
    made = json.loads((hello / "tasks" / TASK / "calibration.json").read_text())
    assert len(made["trials"]) == 12
    assert check(load(hello)) == []
    assert len(list((hello / ".assay/calibrations").glob(f"{TASK}/*/trial-*/sealed.json"))) == 12
    assert not attempts(hello)

    wrong = assay(hello, "calibrate", TASK, "--review", "trial-013=helped")
    assert (wrong.code, "say trial-001 to trial-012" in wrong.err) == (2, True)
    graded = next(n for n, trial in enumerate(made["trials"], 1) if trial["mode"] == "simulated")
    said = assay(hello, "calibrate", TASK, "--review", f"trial-{graded:03}=helped", "--review", "trial-012=ok")
    assert said.code == 0, said.err
    again = json.loads((hello / "tasks" / TASK / "calibration.json").read_text())
    assert again["trials"] == made["trials"]
    assert sum(sample["simulator"]["of"] for sample in again["samples"]) >= 1
    before, after = (sum(sample["solved"]["n"] for sample in found["samples"]) for found in (made, again))
    assert after == before - 1
    assert check(load(hello)) == []
    site = assay(hello, "site")
    assert site.code == 0, site.err
    assert "calibration" in (hello / "build/site/tasks" / TASK / "index.html").read_text().lower()


def test_a_person_speaks_to_an_agent_that_nobody_names(hello: Path) -> None:
    settings = f"[agents.kestrel]\ncommand = {COMMAND}\nplace = 'host'\n"
    put(hello / "assay.toml", f"{(hello / 'assay.toml').read_text()}\n{settings}")
    person = Person(hello, command=("run", TASK, "--agent", "blind", "--user", "me", "--alias", "calm-heron"))
    for sees, types in (
        ("milestone 1 of 2", ""),
        ("I put it in place", ":check"),
        ("count-words: passed", ":diff"),
        ("tally.sh", ":next"),
        ("milestone 2 of 2", ""),
        ("I put it in place", ":end"),
        ("scored", None),
    ):
        person.sees(sees, 60)
        if types is not None:
            time.sleep(1)
            person.types(types)
    assert person.leaves() == 0

    (attempt,) = attempts(hello)
    assert attempt.session
    assert attempt.trajectory
    assert attempt.session.record.predicate.kind == "agent"
    course = attempt.session.record.predicate.course
    assert course
    assert (course.mode, course.ended, course.turns) == ("me", "done", 2)
    assert not re.search("kestrel|policy|scripted", person.shown + attempt.trajectory.record.model_dump_json())
    said = [step.text for step in attempt.trajectory.record.steps if step.source == "agent"]
    assert "I put it in place." in said
    assert seen(person.shown) == recorded(attempt, "count-words")
