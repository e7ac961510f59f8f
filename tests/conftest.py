"""What all tests share: what needs this machine's engine or browser, and a git that knows nothing of its user."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

import pytest


@cache
def _engine_answers() -> bool:
    from assay.errors import EnvironmentMissingError
    from assay.executors.docker import Engine

    try:
        with Engine.connect():
            return True
    except EnvironmentMissingError:
        return False


def _missing(item: pytest.Item) -> str:
    """Why this machine cannot run the test; empty when it can."""
    if item.get_closest_marker("docker") and not _engine_answers():
        return "no Docker engine answers; `make docker` sets one up"
    if item.get_closest_marker("browser") and shutil.which("chromium") is None:
        return "no chromium on PATH; `make browser` installs it"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file that use the engine share one worker and what they have built; files run side by side."""
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if reason := _missing(item):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="session")
def _plain_git(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Git runs with a fixed identity, reaches nothing over the network, and reads no settings of this machine."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(
        "[user]\n\tname = Test\n\temail = nobody\n"
        '[init]\n\tdefaultBranch = main\n[protocol]\n\tallow = never\n[protocol "file"]\n\tallow = always\n'
    )
    os.environ |= {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this repository."""
    return Path(__file__).resolve().parents[1]
