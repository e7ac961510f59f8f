"""What an unquoted YAML scalar means: only what YAML 1.1, YAML 1.2 and a person agree on.

Sources: yaml.org/type (1.1) and chapter 10 of the YAML 1.2.2 specification. Dates stay text, which nobody minds.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_LOOSE_BOOLEANS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
_SIGNS: Final = frozenset({"=", "<<"})
"""YAML 1.1's default value and merge key."""
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.(?P<fraction>[0-9]+)(?P<exponent>[eE][+-]?[0-9]+)?")
_NUMBER_TO_SOMEBODY: Final = re.compile(
    r"""[-+]?(?: 0[0-7_]+ | 0o[0-7]+ | 0x[0-9a-fA-F_]+ | 0b[01_]+      # octal, hexadecimal, binary
        | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                  # base 60
        | (?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?
        | \.(?:inf|Inf|INF|nan|NaN|NAN))""",
    re.VERBOSE,
)


class Ambiguous(NamedTuple):
    """A plain scalar that readers disagree about."""

    message: str
    hint: str


def plain(text: str) -> str | int | float | bool | Ambiguous | None:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "0123456789-+.":
        return _number(text)
    if len(text) <= 5:
        word = text.lower()
        if word in _LOOSE_BOOLEANS:
            message = f"unquoted `{text}` is true or false to some YAML readers and text to others"
            return Ambiguous(message, f"write `true` or `false`, or quote it: {quoted(text)}")
        if word == "null":
            message = f"unquoted `{text}` is nothing to some YAML readers and text to others"
            return Ambiguous(message, f"write `null`, or quote it: {quoted(text)}")
        if text in _SIGNS:
            return Ambiguous(f"unquoted `{text}` is a sign to some YAML readers", f"quote it: {quoted(text)}")
    return text


def _number(text: str) -> str | int | float | Ambiguous:
    if _INTEGER.fullmatch(text):
        return int(text)
    match = _FLOAT.fullmatch(text)
    if match and repr(value := float(text)) == text:
        return value
    if match and match["exponent"] is None:
        short = text[-1] != "0" and f"{value:.{len(match['fraction'])}f}" == text
        message = f"unquoted `{text}` is the number `{value!r}`, which is not what is written"
        return value if short else Ambiguous(message, f"write `{value!r}`, or quote it: {quoted(text)}")
    if not _NUMBER_TO_SOMEBODY.fullmatch(text):
        return text
    message = f"unquoted `{text}` is text to some YAML readers and a number to others"
    return Ambiguous(message, f"quote it: {quoted(text)}, or write the number in plain decimal digits")


def quoted(text: str) -> str:
    """As a double-quoted scalar; `text` has nothing to escape."""
    return f'"{text}"'
