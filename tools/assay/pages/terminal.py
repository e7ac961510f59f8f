"""Terminal output as HTML: colours become classes, everything else a terminal would obey is gone.

Only SGR is read (ECMA-48, 8.3.117): the sixteen colours, bold, faint, italic, underlined and inverse. What follows 38
or 48 (256 and true colours) is skipped: no page can promise that such a colour can be read in light and in dark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from assay.pages.inert import raw, visible

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_KEPT = re.compile("([\ue000-\uf8ff])")
_FIRST = 0xE000
_MOST = 0xF8FF - _FIRST
_STYLES = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse"}
_ENDS = {22: ("bold", "faint"), 23: ("italic",), 24: ("underline",), 27: ("inverse",)}
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def html(text: str) -> str:
    """`text` for a raw HTML block, with `<span class="as-c-red">` and the like; the number of lines stays."""
    if "\x1b[" not in text:
        return raw(text)
    seen: dict[str, str] = {}

    def keep(found: re.Match[str]) -> str:
        if found[1] not in seen and len(seen) >= _MOST:
            return ""
        return seen.setdefault(found[1], chr(_FIRST + len(seen)))

    marked = _SGR.sub(keep, _KEPT.sub("\ufffd", text))
    codes = {mark: code for code, mark in seen.items()}
    return "".join(_pieces(visible(marked), codes))


def _pieces(text: str, codes: dict[str, str]) -> Iterator[str]:
    style: dict[str, str] = {}
    for piece in _KEPT.split(text):
        if piece in codes:
            _apply(style, codes[piece])
        elif piece:
            names = " ".join(f"as-c-{name}" for name in sorted(style.values()))
            yield f'<span class="{names}">{raw(piece)}</span>' if names else raw(piece)


def _apply(style: dict[str, str], code: str) -> None:
    """Change the style in force; `fg`, `bg` and each kind of emphasis are kept apart."""
    numbers = [int(part) if part.isdecimal() else 0 for part in code.replace(":", ";").split(";")]
    place = 0
    while place < len(numbers):
        number = numbers[place]
        place += 1
        if number == 0:
            style.clear()
        elif number in _STYLES:
            style[_STYLES[number]] = _STYLES[number]
        elif number in _ENDS:
            for name in _ENDS[number]:
                style.pop(name, None)
        elif number in (38, 48):
            style.pop("fg" if number == 38 else "bg", None)
            place += {5: 2, 2: 4}.get(numbers[place] if place < len(numbers) else 0, 0)
        elif number in (39, 49):
            style.pop("fg" if number == 39 else "bg", None)
        elif 30 <= number % 60 <= 37 and number < 98:
            style["fg"] = _COLOURS[number % 60 - 30]
        elif number in range(40, 48) or number in range(100, 108):
            style["bg"] = "on-" + _COLOURS[number % 10 if number < 48 else number - 100]
