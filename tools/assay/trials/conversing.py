"""How to talk to an agent, by what its settings say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from assay.agents.acp import AcpConversation
from assay.agents.command import CommandConversation
from assay.agents.contract import Conversation, Pipe
from assay.agents.mini_swe import MiniSweConversation
from assay.agents.process import HostPipe
from assay.model.agents import AgentSettings
from assay.trials.cell import Cell

REPORT = "/tmp/assay-report.json"
"""Where a runner that writes its own log puts it in the container."""


class Programs:
    """Starts the agent's programs, and knows how the last one ended."""

    def __init__(self, settings: AgentSettings, box: Cell, task: Path, folder: Path) -> None:
        self._settings, self._box, self._task, self._folder = settings, box, task, folder
        self._last: Pipe | None = None

    def start(self, command: Sequence[str]) -> Pipe:
        """A program where the settings say: in the container, or in an empty folder of this machine."""
        if self._settings.place == "container":
            self._last = self._box.converse(list(command))
        else:
            empty = self._folder / "host"
            empty.mkdir(exist_ok=True)
            variables = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **self._settings.environment}
            words = [word.replace("{task}", str(self._task.resolve())) for word in command]
            self._last = HostPipe(words, variables, empty)
        return self._last

    @property
    def exit_code(self) -> int | None:
        """Of the last program; None while it runs."""
        return self._last.exit_code if self._last else None

    def conversation(self) -> Conversation:
        """Begun with the program, but not opened."""
        settings, box = self._settings, self._box
        if settings.protocol == "command":
            return CommandConversation(self.start, settings.command)
        if settings.protocol == "mini-swe-agent":
            return MiniSweConversation(self.start, settings.command, box.read, REPORT)
        terminals = box if settings.place == "host" else None
        return AcpConversation(self.start(settings.command), box.workdir, terminals)
