"""The screen that a program wrote to, as a terminal would have shown it (ECMA-48; xterm's private modes).

pyte keeps the cells. It knows no second screen, takes some sequences for others and raises for a few, so that only what
it surely understands reaches it; the rest of what a terminal would obey is dropped, and what cannot be seen is shown as
a mark, as everywhere on these pages.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from pyte import modes
from pyte.charsets import LAT1_MAP
from pyte.screens import Char, Cursor, Screen, StaticDefaultDict, wcwidth
from pyte.streams import Stream

from assay.pages.inert import visible

Row = tuple[tuple[str, str], ...]
"""A line of the screen: texts and the names of their styles, as in `as-c-bold`; blanks at the end are left out."""
MOST_COLUMNS, MOST_LINES = 300, 120
_STACKED = 6
"""Marks that one cell takes; a terminal takes as many as it is sent."""
_HELD = 4096
"""Characters of a sequence without an end that are kept for the next piece."""
_TOKEN = re.compile(
    r"(?P<csi>\x1b\[(?P<given>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~]))"
    r"|(?P<text>\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?)"  # titles, links, device strings
    r"|(?P<short>\x1b[ -/]*[0-~])"
    r"|(?P<odd>[^\x07-\x0f\x1b -~]+|\x1b)"
)
_UNENDED = re.compile(r"\x1b(?:[\]PX^_][^\x07\x1b\n]*\x1b?|\[[0-?]*[ -/]*|[ -/]*)?\Z")
_STRINGS = "]PX^_"
_ENDING = re.compile("[\x07\x1b\n]")
_SHORT = frozenset(("7", "8", "c", "D", "H", "M", "(B", "(0", ")B", ")0"))
_CSI = frozenset("@ABCDEFGHIJKLMPSTXZ`abdefghlmrsu")
_PRIVATE = frozenset("hlJK")
_ALTERNATE = frozenset((47, 1047, 1049))
_UNDERSTOOD = frozenset((6, 7))
"""Private modes that pyte may see: the origin, and lines that wrap."""
_OWN = frozenset((modes.IRM, modes.LNM, modes.DECOM, modes.DECAWM))
"""Others; the last two as pyte itself sets them."""
_COLOURS = {name: name for name in ("black", "red", "green", "blue", "magenta", "cyan", "white")} | {"brown": "yellow"}


class _Stream(Stream):
    csi = {
        **Stream.csi,
        "`": "cursor_to_column",
        "S": "scroll_up",
        "T": "scroll_down",
        "b": "repeat",
        "Z": "tab_back",
        "I": "tab_on",
    }


class Terminal(Screen):
    """Cells, and what pyte leaves out: a second screen, scrolling by itself, repeated characters."""

    def __init__(self, columns: int, lines: int) -> None:
        self.scrolled = 0
        """Lines that left at the top since somebody last set this to 0."""
        super().__init__(columns, lines)
        self._stream = _Stream(self)
        self._stream.use_utf8 = False  # so that line drawing is drawn
        self._rest = ""
        self._skips = False

    def feed(self, text: str) -> int:
        """Show what a program printed; what it costs, in cells and characters that were looked at."""
        text = self._whole(self._rest + text)
        obeyed = _TOKEN.sub(_admitted, text)
        self._stream.feed(obeyed)
        moves = sum(map(obeyed.count, "\x1b\n\v\f"))
        if modes.IRM in self.mode or "\x1b[4h" in obeyed:
            moves += len(text)  # each character moves the others of its line
        return len(text) + moves * (self.columns + self.lines)

    def _whole(self, text: str) -> str:
        """What can be read now; a sequence that has not ended yet waits for the next piece."""
        if self._skips:
            end = _ENDING.search(text)
            self._skips = end is None
            text = text[end.start() + (end.group() == "\x07") :] if end else ""
        at = text.rfind("\x1b", 0, -1)
        if at < 0 or not _UNENDED.match(text, at):
            at = len(text) - text.endswith("\x1b")
        self._rest = text[at:]
        if len(self._rest) > _HELD:
            self._skips, self._rest = self._rest[1] in _STRINGS, ""
        return text[:at]

    def rows(self, wanted: Sequence[int]) -> Iterator[Row]:
        """Lines of the screen by number, from 0."""
        return (_row(self.buffer[line], self.columns) for line in wanted)

    def reset(self) -> None:
        """As pyte does, with one character set to begin with and the first screen in front."""
        super().reset()
        self.g1_charset = LAT1_MAP
        self._behind: dict[int, StaticDefaultDict[int, Char]] | None = None
        self._left: Cursor | None = None
        self._last = " "

    def draw(self, data: str) -> None:
        """Plain text; a mark without a width goes to the cell before it."""
        self._last = data[-1:]
        if data.isascii() and modes.IRM not in self.mode and self.charset == 0 and self.g0_charset is LAT1_MAP:
            self._draw_ascii(data)
            return
        for zero, run in groupby(data, lambda char: wcwidth(char) == 0):
            if not zero:
                super().draw("".join(run))
                continue
            for char in run:
                self._stack(char)

    def _draw_ascii(self, data: str) -> None:
        """The same, many times as fast."""
        attrs, cursor, at = self.cursor.attrs, self.cursor, 0
        while at < len(data):
            if cursor.x >= self.columns:
                if modes.DECAWM in self.mode:
                    self.dirty.add(cursor.y)
                    self.carriage_return()
                    self.linefeed()
                else:
                    at, cursor.x = len(data) - 1, self.columns - 1  # the last cell takes all, the last stays
            piece = data[at : at + self.columns - cursor.x]
            line = self.buffer[cursor.y]
            for x, char in enumerate(piece, cursor.x):
                line[x] = _cell(attrs, char)
            cursor.x += len(piece)
            at += len(piece)
        self.dirty.add(cursor.y)

    def _stack(self, char: str) -> None:
        x = self.cursor.x - 1
        line = self.buffer[self.cursor.y]
        if x > 0 and not line[x].data:  # the second half of a wide character
            x -= 1
        if x >= 0 and len(line[x].data) <= _STACKED:
            line[x] = line[x]._replace(data=unicodedata.normalize("NFC", line[x].data + char))
            self.dirty.add(self.cursor.y)

    def index(self) -> None:
        """One line down; at the last line all others move up."""
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y == bottom:
            self._move_up(top, bottom)
        else:
            self.cursor_down()

    def _move_up(self, top: int, bottom: int) -> None:
        whole = top == 0 and bottom == self.lines - 1
        for y in range(top, bottom):
            self.buffer[y] = self.buffer[y + 1]
        self.buffer.pop(bottom, None)
        if whole:  # nothing else has changed: what was to be drawn again has moved too
            self.scrolled += 1
            self.dirty = {y - 1 for y in self.dirty if 0 < y <= bottom} | {bottom}
        else:
            self.dirty.update(range(top, bottom + 1))

    def scroll_up(self, count: int = 0) -> None:
        """SU."""
        top, bottom = self.margins or (0, self.lines - 1)
        for _ in range(min(count or 1, self.lines)):
            self._move_up(top, bottom)

    def scroll_down(self, count: int = 0, *_more: int) -> None:
        """SD."""
        cursor, self.cursor = self.cursor, copy.copy(self.cursor)
        self.cursor.y = self.margins.top if self.margins else 0
        self.insert_lines(min(count or 1, self.lines))
        self.cursor = cursor

    def delete_lines(self, count: int | None = None) -> None:
        """DL; pyte leaves lines that nothing moves to as they were."""
        top, bottom = self.margins or (0, self.lines - 1)
        if top <= self.cursor.y <= bottom:
            for y in range(self.cursor.y, bottom + 1):
                _ = self.buffer[y]  # makes it, so that it moves
        super().delete_lines(count)

    def repeat(self, count: int = 0) -> None:
        """REP."""
        self.draw(self._last * min(count or 1, self.columns))

    def tab_back(self, count: int = 0) -> None:
        """CBT."""
        for _ in range(min(count or 1, self.columns)):
            self.cursor.x = max((stop for stop in self.tabstops if stop < self.cursor.x), default=0)

    def tab_on(self, count: int = 0) -> None:
        """CHT."""
        for _ in range(min(count or 1, self.columns)):
            self.tab()

    def erase_in_display(self, how: int = 0, *args: Any, **kwargs: Any) -> None:
        """ED, without a cell for every blank."""
        if how not in (0, 1, 2, 3):
            return
        first, end = {0: (self.cursor.y + 1, self.lines), 1: (0, self.cursor.y)}.get(how, (0, self.lines))
        for y in range(first, end):
            self.buffer[y] = StaticDefaultDict(self.cursor.attrs._replace(data=" "))
        self.dirty.update(range(first, end))
        if how < 2:
            self.erase_in_line(how)

    def save_cursor(self, *_: int) -> None:
        """DECSC; no program needs more than a few, and none may fill the memory with them."""
        del self.savepoints[:-8]
        super().save_cursor()

    def set_mode(self, *wanted: int, **kwargs: Any) -> None:
        """SM and DECSET; of the private modes the second screen, the origin and wrapping."""
        if not kwargs.get("private"):
            super().set_mode(*(mode for mode in wanted if mode in _OWN))
            return
        for mode in wanted:
            if mode in _ALTERNATE and self._behind is None:
                self._left = copy.copy(self.cursor) if mode == 1049 else None
                self._behind = self._swap({})
            elif mode in _UNDERSTOOD:
                super().set_mode(mode, private=True)

    def reset_mode(self, *wanted: int, **kwargs: Any) -> None:
        """RM and DECRST."""
        if not kwargs.get("private"):
            super().reset_mode(*(mode for mode in wanted if mode in _OWN))
            return
        for mode in wanted:
            if mode in _ALTERNATE and self._behind is not None:
                self._swap(self._behind)
                self._behind, self.cursor = None, self._left or self.cursor
                self.ensure_hbounds()
                self.ensure_vbounds()
            elif mode in _UNDERSTOOD:
                super().reset_mode(mode, private=True)

    def _swap(self, front: dict[int, StaticDefaultDict[int, Char]]) -> dict[int, StaticDefaultDict[int, Char]]:
        """What was in front."""
        before = dict(self.buffer)
        self.buffer.clear()
        self.buffer.update(front)
        self.dirty.update(range(self.lines))
        return before

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """As pyte does; tabs go on to the right."""
        super().resize(lines, columns)
        self.tabstops.update(range(8, self.columns, 8))
        self.ensure_hbounds()
        self.ensure_vbounds()


def _admitted(found: re.Match[str]) -> str:
    """What pyte may see of one token."""
    if found["odd"]:
        return visible(found["odd"])
    if found["csi"]:
        return _sequence(found["given"], found["between"], found["final"])
    if found["short"] == "\x1bE":
        return "\r\n"
    return found["short"] if found["short"] and found["short"][1:] in _SHORT else ""


def _sequence(given: str, between: str, final: str) -> str:
    private = given.startswith("?")
    if final == "m" and ":" in given:  # kinds of underline, and colours that are not shown
        parts = (part for part in given.split(";") if not part.startswith(("38:", "48:", "58:")))
        given = ";".join(part.partition(":")[0] if part != "4:0" else "24" for part in parts) or "39"
    plain = given.removeprefix("?").replace(";", "")
    if between or final not in _CSI or (plain and not plain.isdigit()) or (private and final not in _PRIVATE):
        return ""
    if final in "su":
        return "" if given else "\x1b7" if final == "s" else "\x1b8"
    if final in "JK":
        given = given.removeprefix("?")
    most = {"H": 2, "f": 2, "r": 2, "m": 32, "h": 32, "l": 32}.get(final, 1)
    return f"\x1b[{';'.join(given.split(';')[:most])}{final}"


@lru_cache(maxsize=8192)
def _cell(attrs: Char, char: str) -> Char:
    return attrs._replace(data=char)


@lru_cache(maxsize=1024)
def _names(style: tuple[Any, ...]) -> str:
    """Classes of a style; where colours are swapped they change places, since ink and ground are not of one kind."""
    fore, back, bold, italic, underlined, _struck, swapped, _blinks = style
    ink, ground = _colour(fore), _colour(back)
    if swapped and (ink or ground):
        ink, ground = ground, ink or "white"
    kept = (
        bold and "bold",
        italic and "italic",
        underlined and "underline",
        swapped and not (ink or ground) and "inverse",
        ink,
        ground and f"on-{ground}",
    )
    return " ".join(sorted(name for name in kept if name))


def _colour(name: str) -> str:
    """One of the eight; palettes of 256 and true colours are not shown, as in other output."""
    return _COLOURS.get(name.removeprefix("bright").removeprefix("bfight"), "")  # one is spelt so in pyte


def _row(line: StaticDefaultDict[int, Char], columns: int) -> Row:
    if not line and line.default[1:] == _PLAIN:
        return ()
    blank = line.default[1:] != _PLAIN
    end = columns if blank else min(columns, max(line) + 1)
    runs: list[tuple[str, str]] = []
    for style, cells in groupby(_cells(line, end, columns), lambda cell: cell[1:]):
        text = visible("".join(cell.data for cell in cells))
        name = _names(style)
        if runs and runs[-1][1] == name:
            runs[-1] = (runs[-1][0] + text, name)
        elif text:
            runs.append((text, name))
    while runs and not _shows(runs[-1][1]) and not runs[-1][0].strip(" "):
        runs.pop()
    if runs and not _shows(runs[-1][1]):
        runs[-1] = (runs[-1][0].rstrip(" "), runs[-1][1])
    return tuple(runs)


def _cells(line: StaticDefaultDict[int, Char], end: int, columns: int) -> Iterator[Char]:
    """Cells from the left; half of a wide character, where the other half was overwritten, is a blank."""
    for x in range(end):
        cell = line[x]
        if cell.data:
            halved = _is_wide(cell) and x + 1 < columns and bool(line[x + 1].data)
        else:
            halved = not (x and _is_wide(line[x - 1]))
        yield _cell(cell, " ") if halved else cell


def _is_wide(cell: Char) -> bool:
    return not cell.data.isascii() and wcwidth(cell.data[0]) == 2


def _shows(names: str) -> bool:
    """Whether a blank in this style is seen."""
    return any(name in ("inverse", "underline") or name.startswith("on-") for name in names.split())


_PLAIN = Char(" ")[1:]
