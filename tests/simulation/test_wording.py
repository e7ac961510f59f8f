"""Other words over the wire, as assay.toml asks for them: what is said, what is noted, and what a machine must have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.scaffold.workspace import create
from tests.simulation.test_rephrasing import chat, endpoint

TOOLS = Path(__file__).parents[2] / "tools"
TASK = "hello-milestones"
LEAK = "Take care that a in the list leaves at alone."
MODEL = "wording-model-7"
LINES = ("What is a word?", ":pass count-words", "Done.", "What happens if a file is missing?")


def answered(text: str) -> str:
    """Good words for the first request, the reference's for the second, and no answer for what is asked later."""
    if "lower case" in text:
        return chat("One line for each word, please: its count, a blank, and the word in lower case.")
    return chat(LEAK) if "--skip" in text else "no json" if "status 2" in text else chat("x" * 500)


def workspace(root: Path, url: str, more: str = "") -> Path:
    create(root, "W")
    with (root / "assay.toml").open("a") as file:
        file.write(f'\n[simulation]\nendpoint = "{url}"\nmodel = "{MODEL}"\n{more}')
    return root


def user(root: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`assay user` in a process of its own, on a machine without an engine; ends with a list of what it imported."""
    code = "import sys; from assay.cli import main; code = main(); print(*sys.modules); sys.exit(code)"
    command = [sys.executable, "-c", code, "user", TASK, *options]
    known = {**os.environ, "PYTHONPATH": str(TOOLS), "DOCKER_HOST": "unix:///nowhere/docker.sock", **variables}
    lines = "\n".join(LINES)
    return subprocess.run(command, cwd=root, env=known, input=lines, capture_output=True, text=True, check=False)


def log(done: subprocess.CompletedProcess[str]) -> list[Mapping[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_leak_is_not_said_and_noted_and_no_model_is_named(tmp_path: Path) -> None:
    with endpoint(answered) as (url, asked):
        done = user(workspace(tmp_path, url), "--json")
        shown = user(tmp_path)
    first, word, skip, missing = log(done)
    assert "One line for each word, please" in first["text"]
    assert (first["wording"].startswith("rephrased-"), "incident" in first) == (True, False)
    assert (word["wording"], word["incident"]["kind"]) == ("authored", "length")
    assert (skip["wording"], skip["incident"]["kind"]) == ("authored", "leak")
    assert "in the list leaves at alone" in skip["incident"]["hits"]
    assert LEAK not in done.stdout
    assert "--skip LIST" in skip["text"]
    assert (missing["wording"], missing["incident"]["kind"]) == ("authored", "endpoint")
    assert "status 2" in missing["text"]
    assert {request["model"] for request in asked} == {MODEL}
    assert MODEL not in done.stdout
    assert url not in done.stdout
    assert "ask-for-order (reworded)" in shown.stdout
    assert "ask-for-skip (as authored: leak, a in the list leaves at)]" in shown.stdout


def test_without_an_endpoint_the_authored_texts_are_said_and_no_engine_is_needed(tmp_path: Path) -> None:
    create(tmp_path, "W")
    done = user(tmp_path, "--json")
    assert [item["wording"] for item in log(done)] == ["authored"] * 4
    assert [item["rule"] for item in log(done)] == ["at_start", "on_ask", "on_milestone_pass", "on_ask"]
    loaded = done.stdout.splitlines()[-1].split()
    assert "assay.simulation.machine" in loaded
    assert [name for name in loaded if name.startswith(("docker", "requests", "assay.executors", "openai"))] == []


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        ('key = "KEY_THAT_IS_NOT_SET"\n', 2, "the variable `KEY_THAT_IS_NOT_SET` with the API key is not set"),
        ('keys = "A"\n', 2, "assay.toml"),
    ],
)
def test_a_table_that_cannot_be_used_is_said_before_anything_else(
    tmp_path: Path, more: str, code: int, says: str
) -> None:
    done = user(workspace(tmp_path, "http://127.0.0.1:9/v1", more))
    assert done.returncode == code, done.stdout
    assert says in done.stderr


def test_the_key_goes_to_the_endpoint_only(tmp_path: Path) -> None:
    with endpoint(answered) as (url, _):
        done = user(workspace(tmp_path, url, 'key = "KEY_OF_TEST"\n'), "--json", KEY_OF_TEST="secret-key-1")
    assert "secret-key-1" not in done.stdout
    assert log(done)[0]["wording"].startswith("rephrased-")
