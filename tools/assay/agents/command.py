"""An agent without a protocol: one process for each user turn; what it prints is what it says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence

from assay.agents.contract import Event, Permission, Pipe, Said, StopReason
from assay.agents.failures import DEAF, cause, ended, exit_status

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\r(?=\n)")


class CommandConversation:
    """A `Conversation` with `command`, in which `{prompt}` stands for the user's text; `start` runs a command."""

    def __init__(self, start: Callable[[Sequence[str]], Pipe], command: Sequence[str]) -> None:
        self._start, self._command = start, command
        self._pipe: Pipe | None = None
        self._interrupted = False
        self._turns = 0

    def open(self) -> Mapping[str, str]:
        """As in `Conversation`; a command tells nothing of itself."""
        return {"name": "", "version": "", "session": ""}

    def say(
        self, text: str, hear: Callable[[Event], None], allow: Callable[[Permission], bool] = lambda request: True
    ) -> StopReason:
        """As in `Conversation`; it never asks for permission."""
        self._interrupted = False
        self._turns += 1
        self._pipe = pipe = self._start([*DEAF, *(word.replace("{prompt}", text) for word in self._command)])
        try:
            decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            rest = ""
            while piece := pipe.read():
                *lines, rest = (rest + decode(piece)).split("\n")
                for line in lines:
                    hear(Said(_ANSI.sub("", f"{line}\n"), str(self._turns)))
            if rest := _ANSI.sub("", rest + decode(b"", final=True)):
                hear(Said(rest, str(self._turns)))
            if self._interrupted:
                return "cancelled"
            if exit_status(pipe) != 0:
                raise ended(pipe, cause(pipe.complaints, "crashed"))
            return "end_turn"
        finally:
            self.close()

    def interrupt(self) -> None:
        """As in `Conversation`: ends the process of this turn."""
        self._interrupted = True
        self.close()

    def close(self) -> None:
        """As in `Conversation`."""
        if self._pipe:
            self._pipe.close()
