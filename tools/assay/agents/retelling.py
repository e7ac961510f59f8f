"""A conversation for agents that forget it: each new run is told what was said before.

Their work is in the files; only the words would be lost.
"""

from __future__ import annotations

import re

WHOLE = "{conversation}"
"""What stands for all that was said in a command; `{prompt}` is the last message alone."""
_BEGIN = "[Earlier in this conversation; the files are as you left them.]"
_USER, _AGENT, _NOW = "[The user said:]", "[You answered:]", "[Now the user says:]"
_MESSAGES = re.compile(
    rf"{re.escape(_USER)}\n(?P<earlier>.*?)\n\n{re.escape(_AGENT)}\n|{re.escape(_NOW)}\n(?P<now>.*)", re.DOTALL
)


class Retelling:
    """Collects a conversation, and tells it."""

    def __init__(self) -> None:
        self._turns: list[tuple[str, str]] = []

    @property
    def turns(self) -> int:
        """Messages of the user that were answered."""
        return len(self._turns)

    def told(self, text: str) -> str:
        """The next message of the user with all that was said before."""
        if not self._turns:
            return text
        earlier = [f"{_USER}\n{said}\n\n{_AGENT}\n{answer}" for said, answer in self._turns]
        return "\n\n".join([_BEGIN, *earlier, f"{_NOW}\n{text}"])

    def answered(self, text: str, answer: str) -> None:
        """A message of the user and the words that answered it."""
        self._turns.append((text, answer.strip() or "(nothing)"))

    def in_command(self, words: list[str] | tuple[str, ...], text: str) -> list[str]:
        """A command with the message, or with the whole conversation, where it wants them."""
        return [word.replace("{prompt}", text).replace(WHOLE, self.told(text)) for word in words]


def messages_in(text: str) -> list[str]:
    """The user's messages in a text that may hold a told conversation; the text itself when it holds none."""
    if _BEGIN not in text:
        return [text]
    return [match["earlier"] if match["now"] is None else match["now"] for match in _MESSAGES.finditer(text)]
