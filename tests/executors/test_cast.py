"""A recording replays to what was printed, however it came."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from assay.executors.cast import HEADER, Cast

PIECES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12) | st.text(max_size=6).map(str.encode)))


def recorded(pieces: list[tuple[float, bytes]], limit: int = 1 << 20) -> tuple[str, list[float]]:
    """Text and times of a recording; each piece comes some seconds after the one before."""
    cast, now = Cast(limit), 0.0
    for waited, data in pieces:
        now += waited
        cast.add(now, data)
    lines = cast.value().decode().split("\n")
    assert json.loads(lines[0]) == HEADER
    assert lines[-1] == ""
    assert cast.value().decode().split("\n") == lines
    events = [json.loads(line) for line in lines[1:-1]]
    assert all(kind == "o" for _, kind, _ in events)
    return "".join(text for _, _, text in events), [time for time, _, _ in events]


@given(PIECES)
def test_any_split_of_the_bytes_gives_the_text_of_the_log(pieces: list[tuple[float, bytes]]) -> None:
    text, times = recorded(pieces)
    whole = b"".join(data for _, data in pieces)
    assert text.replace("\r\n", "\n") == whole.decode("utf-8", "replace")
    assert times == sorted(times)


@given(PIECES, st.integers(0, 40))
def test_a_recording_is_bounded_and_says_so(pieces: list[tuple[float, bytes]], limit: int) -> None:
    text, times = recorded(pieces, limit)
    whole = b"".join(data for _, data in pieces)
    start = whole[:limit].decode("utf-8", "replace").replace("\n", "\r\n")
    hidden = len(whole) - len(whole[:limit])
    note = f"\r\n[... {hidden} more bytes are not in this recording ...]\r\n" if hidden else ""
    assert text == start + note
    assert times == sorted(times)


def test_output_within_one_frame_is_one_event() -> None:
    cast = Cast()
    for number in range(100):
        cast.add(5 + number / 1000, b".")
    assert 6 <= len(cast.value().splitlines()) - 1 <= 7
