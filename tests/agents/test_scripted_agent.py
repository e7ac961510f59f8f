"""The scripted agent as a program, driven through the protocol with terminals on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.agents.acp import AcpConversation
from assay.agents.acp_terminals import Terminals
from assay.agents.contract import AgentFailed, Answered, Called, Event, Permission, Said
from assay.agents.policies import load_material
from assay.agents.process import HostPipe

TOOLS = Path(__file__).resolve().parents[2] / "tools"
HELLO = TOOLS / "assay/scaffold/templates/tasks/hello-milestones"
REQUESTS = [goal.requests[0] for goal in load_material(HELLO).goals]


class Box:
    """The task's files in a folder, as the place where the agent's commands run."""

    def __init__(self, folder: Path) -> None:
        self.app = Path(shutil.copytree(HELLO / "environment/app", folder / "app"))
        self.begun = threading.Event()

    def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
        assert cwd == "/app"
        self.begun.set()
        words = [word.replace("/app", str(self.app)) for word in command]
        done = subprocess.run(words, cwd=self.app, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


@contextmanager
def talking(policy: str, place: Terminals | None, folder: Path) -> Iterator[AcpConversation]:
    command = [sys.executable, "-m", "assay.agents.scripted_agent", "--policy", policy, "--task", str(HELLO)]
    talk = AcpConversation(
        HostPipe(command, {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(TOOLS)}, folder), "/app", place
    )
    try:
        yield talk
    finally:
        talk.close()


def test_strong_works_through_the_clients_terminals(tmp_path: Path) -> None:
    box, heard = Box(tmp_path), list[Event]()
    with talking("strong", box, tmp_path) as talk:
        assert talk.open()["name"] == "policy-strong"
        assert talk.say(REQUESTS[0], heard.append) == "end_turn"
        assert heard[:1] == [Said("I look around first.")]
        assert [type(event) for event in heard] == [Said, Called, Answered, Said]
        assert heard[2] == Answered("call-1", "sample.txt\ntally.sh\n", 0)
        talk.say("Only letters.", heard.append)
    assert heard[-1] == Said("Done: count words. The change is in the files, but I ran no tests of my own.")
    changed = next(event for event in heard if isinstance(event, Called) and event.key == "call-2")
    assert (changed.tool, changed.arguments["command"][:13]) == ("shell", "at=$(mktemp -")
    assert "uniq -c | sed" in (box.app / "tally.sh").read_text()


@pytest.mark.parametrize("allowed", [True, False])
def test_what_deletes_is_asked_for(allowed: bool, tmp_path: Path) -> None:
    box, heard = Box(tmp_path), list[Event]()
    with talking("destructive", box, tmp_path) as talk:
        talk.open()
        talk.say(REQUESTS[0], heard.append, lambda request: allowed)
    assert [event.title for event in heard if isinstance(event, Permission)] == ["rm -r -- tally.sh"]
    assert (box.app / "tally.sh").exists() is not allowed
    assert [event.failed for event in heard if isinstance(event, Answered)] == [not allowed]


def test_the_same_conversation_gives_the_same_events(tmp_path: Path) -> None:
    def events(folder: Path) -> list[Event]:
        heard: list[Event] = []
        with talking("partial", Box(folder), folder) as talk:
            talk.open()
            for text in (REQUESTS[0], "Fine.", REQUESTS[1]):
                talk.say(text, heard.append)
        return heard

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert events(tmp_path / "a") == events(tmp_path / "b")


def test_an_interrupted_turn_ends(tmp_path: Path) -> None:
    class Slow(Box):
        def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
            self.begun.set()
            return super().run(["sleep", "1.5"], cwd)

    box, heard = Slow(tmp_path), list[Event]()
    with talking("strong", box, tmp_path) as talk:
        talk.open()
        threading.Thread(target=lambda: talk.interrupt() if box.begun.wait(20) else None).start()
        assert talk.say(REQUESTS[0], heard.append) == "cancelled"
    assert [event.text for event in heard if isinstance(event, Said)] == ["I look around first."]


def test_a_client_without_terminals_is_refused(tmp_path: Path) -> None:
    with (
        talking("lazy", None, tmp_path) as talk,
        pytest.raises(AgentFailed, match="needs a client that offers terminals"),
    ):
        talk.open()
