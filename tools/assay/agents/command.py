"""An agent without a protocol: one process for each user turn; what it prints is what it says."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from assay.agents.contract import Event, Permission, Pipe, Said, StopReason
from assay.agents.failures import DEAF, cause, ended, exit_status
from assay.agents.retelling import Retelling

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\r(?=\n)")


class CommandConversation:
    """A `Conversation` with `command`; `start` runs a command.

    In it `{prompt}` stands for the user's text, and `{conversation}` for that and all that was said before, which is
    for programs that remember nothing.
    """

    def __init__(self, start: Callable[[Sequence[str]], Pipe], command: Sequence[str]) -> None:
        self._start, self._command = start, command
        self._pipe: Pipe | None = None
        self._interrupted = False
        self._retelling = Retelling()

    def open(self) -> Mapping[str, str]:
        """As in `Conversation`; a command tells nothing of itself."""
        return {"name": "", "version": "", "session": ""}

    def say(
        self, text: str, hear: Callable[[Event], None], allow: Callable[[Permission], bool] = lambda request: True
    ) -> StopReason:
        """As in `Conversation`; it never asks for permission."""
        self._interrupted = False
        self._pipe = pipe = self._start([*DEAF, *self._retelling.in_command(list(self._command), text)])
        turn, printed = str(self._retelling.turns + 1), ""
        try:
            for line in _lines(pipe):
                hear(Said(line, turn))
                printed += line
            self._retelling.answered(text, printed)
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


def _lines(pipe: Pipe) -> Iterator[str]:
    """What a process prints, line by line, without colours."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    while piece := pipe.read():
        *lines, rest = (rest + decode(piece)).split("\n")
        yield from (_ANSI.sub("", f"{line}\n") for line in lines)
    if rest := _ANSI.sub("", rest + decode(b"", final=True)):
        yield rest
