"""What may tell who an agent is, taken out of everything it says and prints before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from assay.importers.masking import Mask, Names
from assay.model.agents import AgentSettings

_LAUNCHERS = frozenset({"env", "sh", "bash", "node", "npx", "python", "python3", "uvx"})


class Disguise:
    """Masks with the names that the settings give, and those the agent itself tells when a session begins."""

    def __init__(self, name: str, settings: AgentSettings) -> None:
        models = {settings.model} if settings.model else set()
        programs = {PurePosixPath(word).name for word in settings.command if not word.startswith("-")} - _LAUNCHERS
        # a script gives nothing away, and its words are those of the task
        self._agents = set() if settings.place == "host" and settings.scripted else {name, *programs}
        self._models: set[str] = models
        self._scripted = settings.place == "host" and settings.scripted
        self._make()

    def learn(self, told: Mapping[str, str]) -> None:
        """What an agent says of itself."""
        if not self._scripted:
            self._agents |= {told[key] for key in ("name", "title") if told.get(key)}
            self._make()

    def _make(self) -> None:
        self._mask = Mask(Names(agents=frozenset(self._agents), models=frozenset(self._models)))

    def prose(self, text: str) -> str:
        """What the agent says."""
        return self._mask.prose(text)

    def traffic(self, text: str) -> str:
        """What goes to a tool or comes back."""
        return self._mask.traffic(text)

    def value(self, value: Any) -> Any:
        """A JSON value on its way to a tool."""
        return self._mask.value(value)
