"""Recordings of terminals as pages play them: every state of the screen is worked out when the site is built.

The browser is given lines, and which of them stand where from when on; it knows nothing of terminals. Read are
asciicasts of version 1 and 2 (asciinema's file formats), which come from pull requests: what is wrong in one is said
beside it.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from assay.pages import links, markup
from assay.pages.inert import attribute, raw
from assay.pages.screen import MOST_COLUMNS, MOST_LINES, Row, Terminal
from assay.pages.writer import SCRIPT_MARK

READ = 4 * 1024 * 1024
"""Bytes of a recording that are read, from its start."""
SCRIPT = 1024 * 1024
"""Characters of a script; when it is full, only the last screen follows."""
WORK = 20_000_000
"""What may be spent on one recording, as `Terminal.feed` counts it."""
_PIECE = 32 * 1024
FRAME = 67
"""Milliseconds for which a screen stays at least."""
IDLE = 2000
"""Milliseconds to which waiting is cut."""
_LONGEST = 10_000_000
"""Seconds; no recording is longer."""

Event = tuple[float, str, str]
"""Seconds from the start, what happened (`o` for output, `r` for a resized terminal), and its data."""


class Unplayable(Exception):
    """What is wrong with a recording, for a sentence."""


@dataclass(frozen=True)
class Recording:
    """What a file says."""

    columns: int
    lines: int
    events: Sequence[Event]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Playback:
    """What the browser is given, as JSON, and what to say of it; `problem` in place of all when there is nothing."""

    data: str = ""
    milliseconds: int = 0
    notes: tuple[str, ...] = ()
    problem: str = ""


def of_file(file: Path) -> Playback | None:
    """How a file is played; None when it is not there, or nothing was printed."""
    if not file.is_file() or file.is_symlink():
        return None
    with file.open("rb") as stream:
        content = stream.read(READ + 1)
    try:
        recording = read(content)
    except Unplayable as problem:
        return Playback(problem=str(problem))
    return played(recording) if any(kind == "o" and data for _, kind, data in recording.events) else None


def read(content: bytes) -> Recording:
    """A file's content. Raises Unplayable when it has no usable header; single bad lines become a note."""
    notes = []
    if len(content) > READ:
        content = content[: content.rfind(b"\n", 0, READ) + 1]
        notes.append(f"only the first {READ // 2**20} MB of the recording are played")
    text = content.decode("utf-8", "replace")
    first, _, rest = text.partition("\n")
    head = _parsed(first)
    if not isinstance(head, dict):
        head = _parsed(text)  # version 1 is one document, on as many lines as its writer likes
    if not isinstance(head, dict):
        raise Unplayable("it does not begin with a header")
    if head.get("version") == 2:
        columns, lines = _size(head.get("width"), head.get("height"))
        found = [_event(_parsed(line)) for line in rest.split("\n") if line.strip()]
    elif head.get("version") == 1:
        columns, lines = _size(head.get("width"), head.get("height"))
        frames = head.get("stdout")
        found = list(_since_the_start(frames if isinstance(frames, list) else ()))
    else:
        raise Unplayable("it is of another version than 1 and 2 of the format")
    if bad := found.count(None):
        notes.append(f"{markup.count(bad, 'line')} of the recording cannot be read")
    return Recording(columns, lines, [event for event in found if event], tuple(notes))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _size(columns: Any, lines: Any) -> tuple[int, int]:
    """Raises Unplayable; sizes that no person has on a desk are cut."""
    if type(columns) is not int or type(lines) is not int or min(columns, lines) < 0:
        raise Unplayable("its header does not say how wide and high the terminal was")
    return min(columns or 80, MOST_COLUMNS), min(lines or 24, MOST_LINES)


def _event(line: Any) -> Event | None:
    if not isinstance(line, list) or len(line) != 3 or not _is_time(line[0]):
        return None
    _, kind, data = line
    return (float(line[0]), kind, data) if isinstance(kind, str) and isinstance(data, str) else None


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and 0 <= value <= _LONGEST


def _since_the_start(frames: Iterable[Any]) -> Iterator[Event | None]:
    """Version 1 says how long each piece came after the one before."""
    at = 0.0
    for frame in frames:
        if isinstance(frame, list) and len(frame) == 2 and _is_time(frame[0]) and isinstance(frame[1], str):
            at = min(at + frame[0], _LONGEST)
            yield at, "o", frame[1]
        else:
            yield None


def played(recording: Recording) -> Playback:
    """Every screen that was there for long enough to be seen, as differences of lines."""
    notes = list(recording.notes)
    film = _Film(Terminal(recording.columns, recording.lines))
    moments = list(_moments(recording.events))
    times = [0.0, *(at for at, _, _ in recording.events)]
    waited = any(later - earlier > IDLE / 1000 for earlier, later in pairwise(times))
    end = moments[-1][0] if moments else 0
    for at, events in moments:
        if not film.show(events):
            notes.append(f"what came after {markup.seconds(at / 1000)} is too much to be played")
            end = at
            film.take(at)
            break
        if film.size < SCRIPT:
            film.take(at)
        elif film.full is None:
            film.full = at
            notes.append(f"of what came after {markup.seconds(at / 1000)} only the last screen is kept")
    film.take(end)
    if waited:
        whole = markup.seconds(max(times))
        notes.insert(0, f"it took {whole}; where nothing happened for more than 2 s, 2 s are shown")
    return Playback(film.data(end), end, tuple(notes))


def _moments(events: Sequence[Event]) -> Iterator[tuple[int, list[Event]]]:
    """Events that are shown together, and when: in milliseconds of which long waits are taken out."""
    shown, before = 0.0, 0.0
    begun: int | None = None
    group: list[Event] = []
    for event in events:
        seconds = max(event[0], before)  # time does not run backwards, whatever a file says
        shown += min((seconds - before) * 1000, IDLE)
        before = seconds
        if begun is not None and shown - begun >= FRAME:
            yield begun, group
            begun, group = None, []
        if begun is None:
            begun = round(shown)
        group.append(event)
    if begun is not None:
        yield begun, group


@dataclass
class _Film:
    """Lines and frames so far; a frame is when, by how much all lines moved up, and pairs of a place and a line."""

    terminal: Terminal
    size: int = 0
    spent: int = 0
    full: int | None = None
    _known: dict[Row, int] = field(default_factory=lambda: {(): 0})
    _frames: list[str] = field(default_factory=list)
    _now: list[int] = field(default_factory=list)

    def show(self, events: Iterable[Event]) -> bool:
        """Feed the terminal; whether all of it could be afforded."""
        for _, kind, data in events:
            if kind == "r":
                self._resize(data)
            for at in range(0, len(data) if kind == "o" else 0, _PIECE):
                if self.spent > WORK:
                    return False
                self.spent += self.terminal.feed(data[at : at + _PIECE])
        return self.spent <= WORK

    def _resize(self, data: str) -> None:
        width, _, height = data.partition("x")
        if not (width.isascii() and height.isascii() and width.isdigit() and height.isdigit() and len(data) < 12):
            return
        columns, lines = min(int(width), MOST_COLUMNS), min(int(height), MOST_LINES)
        self.terminal.resize(lines or None, columns or None)
        self.spent += self.terminal.columns * self.terminal.lines

    def take(self, at: int) -> None:
        """Keep the screen as it is now."""
        terminal = self.terminal
        moved = min(terminal.scrolled, len(self._now))
        kept = self._now[moved:] + [0] * moved
        kept += [0] * (terminal.lines - len(kept))
        dirty = sorted(line for line in terminal.dirty if line < terminal.lines)
        rows = dict(zip(dirty, terminal.rows(dirty), strict=True))
        rows |= dict.fromkeys(range(terminal.lines, len(kept)), ())
        terminal.dirty.clear()
        terminal.scrolled = 0
        moved = moved if any(self._now) else 0
        frame = [at, moved]
        for place, row in rows.items():
            number = self._number(row)
            if kept[place] != number:
                frame += (place, number)
                kept[place] = number
        if kept != self._now and (moved or len(frame) > 2):
            self._frames.append(json.dumps(frame, separators=(",", ":")))
            self.size += len(self._frames[-1]) + 1
        self._now = kept
        self.spent += len(dirty) * terminal.columns

    def _number(self, row: Row) -> int:
        if row not in self._known:
            self._known[row] = len(self._known)
            self.size += len(_line(row)) + 1
        return self._known[row]

    def data(self, end: int) -> str:
        """All of it as JSON, in ASCII."""
        lines = ",".join(map(_line, self._known))
        return f'{{"end":{end},"lines":[{lines}],"frames":[{",".join(self._frames)}]}}'.replace("<", "\\u003c")


def _line(row: Row) -> str:
    """Text, or pieces that are text or text with the names of its styles."""
    if not row:
        return '""'
    pieces: list[Any] = [[text, names] if names else text for text, names in row]
    whole = pieces[0] if len(pieces) == 1 and isinstance(pieces[0], str) else pieces
    return json.dumps(whole, ensure_ascii=True, separators=(",", ":"))


def script(place: str, playback: Playback) -> str:
    """The script that hands a recording to the page: ASCII, the same bytes for the same recording."""
    return f"{SCRIPT_MARK}__assayCast({json.dumps(place)},{playback.data});\n"


def player(playback: Playback | None, alias: str, place: str, label: str) -> str:
    """Where a recording is played, as raw HTML; without a script nothing of it is seen.

    `place` is the anchor on the trajectory's page of what was recorded, `label` says what that was.
    """
    if playback is None:
        return ""
    if playback.problem:
        return f'<p class="as-quiet">The recording cannot be played: {attribute(playback.problem)}.</p>'
    source = posixpath.relpath(links.cast("-", alias, place), "trajectories/-")
    notes = f'<p class="as-quiet">{raw("; ".join(playback.notes))}</p>' if playback.notes else ""
    return (
        f'<div class="as-cast" data-cast="{attribute(place)}" data-src="{attribute(source)}" '
        f'data-end="{playback.milliseconds}" data-label="{attribute(label)}" hidden>{notes}</div>'
    )
