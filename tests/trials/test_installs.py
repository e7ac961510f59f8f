"""Agents' programs are installed once, by commands of the study, and whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assay.errors import EnvironmentMissingError, UsageError
from assay.model.agents import AgentSettings
from assay.trials.installs import PLACE, provide


def settings(**more: Any) -> AgentSettings:
    return AgentSettings.model_validate({"command": ["agent"], **more})


def test_commands_run_once_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    monkeypatch.setenv("npm_config_fund", "false")
    count = tmp_path / "count"
    install = ['test -z "$(ls -A)" && test "$HOME" != ~root', "env > seen; sleep 0.2", f"echo once >> {count}"]
    wanted = settings(install=install)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: provide(tmp_path, "one", wanted), range(4)))

    (folder,) = found
    assert folder is not None
    assert folder.parent == tmp_path / PLACE
    assert count.read_text() == "once\n"
    seen = dict(line.split("=", 1) for line in (folder / "seen").read_text().splitlines())
    assert (seen["npm_config_fund"], "SECRET_OF_THIS_MACHINE" in seen) == ("false", False)
    assert Path(seen["HOME"]).parent.parent == tmp_path / PLACE
    assert provide(tmp_path, "one", settings(install=["true"])) != folder


def test_an_install_that_fails_leaves_nothing_and_tells_its_last_words(tmp_path: Path) -> None:
    wanted = settings(install=["touch half", "seq 100; echo 'no such package' >&2; false", "touch never"])
    with pytest.raises(
        EnvironmentMissingError, match=r"`one` was not installed: .* exit 1\n(9\d\n)+100\nno such package$"
    ):
        provide(tmp_path, "one", wanted)
    assert [file.name for file in (tmp_path / PLACE).iterdir()] == [".lock"]


def test_a_folder_of_this_machine_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert provide(tmp_path, "one", settings(folder="mine")) == (tmp_path / "mine").resolve()
    assert provide(tmp_path, "one", settings()) is None
    with pytest.raises(UsageError, match="`folder` of agent `one` is not there"):
        provide(tmp_path, "one", settings(folder="theirs"))
