"""Recordings: what the browser is given replays to the screen of a terminal, whatever a file holds."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.executors.cast import Cast
from assay.pages import casts
from assay.pages.casts import Playback, Unplayable, played, read
from assay.pages.compose import Ranked, pages
from assay.pages.screen import Terminal
from assay.pages.trajectory_page import files
from assay.pages.writer import SCRIPT_MARK, write
from assay.workspace import load
from tests.pages.example import DIGEST, TASK, make_workspace, write_json
from tests.pages.hostile import ATTACK, BLOCK

HEADER = {"version": 2, "width": 20, "height": 6}
PLAIN = ("plain", "wide \u4e2d\u6587", "e\u0301", "\r", "\r\n", "\n", "\t", "\b\b", "x" * 33)
MOVES = ("\x1b[A", "\x1b[3;5H", "\x1b[2J", "\x1b[K", "\x1b[1K", "\x1b[J", "\x1b[2L", "\x1bM", "\x1b[2;4r", "\x1b[r")
STYLES = ("\x1b[1;31m", "\x1b[7m", "\x1b[0m", "\x1b[4;92m", "\x1b[44m", "\x1b[38;5;99m")
OTHERS = (
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[3S",
    "\x1b[2T",
    "\x1b7",
    "\x1b8",
    "\x1b[2P",
    "\x1b[3@",
    "\x1b[4h",
    "\x1b[4b",
)
pieces = st.lists(st.sampled_from(PLAIN + MOVES + STYLES + OTHERS) | st.text(max_size=8), max_size=40)


def recorded(events: Sequence[object], header: Mapping[str, object] = HEADER) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in (header, *events)).encode()


def playback(*events: object) -> Playback:
    return played(read(recorded(events)))


def replay(found: Playback, until: float = float("inf")) -> list[str]:
    """The screen as the script in the browser works it out; blank lines at the end left out."""
    data = json.loads(found.data)
    lines = [line if isinstance(line, str) else "".join(map(text_of, line)) for line in data["lines"]]
    state: list[int] = []
    for at, moved, *changes in data["frames"]:
        if at > until:
            break
        state = state[moved:] + [0] * min(moved, len(state))
        for place, line in zip(changes[::2], changes[1::2], strict=True):
            state += [0] * (place + 1 - len(state))
            state[place] = line
    return trimmed(lines[number] for number in state)


def text_of(piece: Any) -> str:
    return piece if isinstance(piece, str) else str(piece[0])


def screen(terminal: Terminal) -> list[str]:
    """What stands on it now."""
    return trimmed("".join(map(text_of, row)) for row in terminal.rows(range(terminal.lines)))


def trimmed(lines: Any) -> list[str]:
    found = [line.rstrip(" ") for line in lines]
    while found and not found[-1]:
        found.pop()
    return found


@given(pieces)
@example(["\x1b[?1049h", "\x1b[2;4r", "\n" * 9])
def test_all_frames_together_are_the_last_screen(texts: list[str]) -> None:
    found = playback(*([round(number * 0.09, 3), "o", text] for number, text in enumerate(texts)))
    terminal = Terminal(20, 6)
    for text in texts:
        terminal.feed(text)
    assert replay(found) == screen(terminal)


@given(st.lists(st.sampled_from(PLAIN[:1] + PLAIN[3:] + MOVES + STYLES), max_size=40))
def test_the_screen_is_that_of_pyte(texts: list[str]) -> None:
    ours, theirs = Terminal(20, 6), pyte.Screen(20, 6)
    for text in texts:
        ours.feed(text)
        pyte.Stream(theirs).feed(text)
    assert ours.display == theirs.display
    assert (ours.cursor.x, ours.cursor.y) == (theirs.cursor.x, theirs.cursor.y)


@given(st.lists(st.sampled_from(PLAIN + MOVES + STYLES + OTHERS), max_size=20), st.data())
def test_it_does_not_matter_where_a_stream_is_cut(texts: list[str], data: st.DataObject) -> None:
    text = "".join(texts)
    whole, cut = Terminal(20, 6), Terminal(20, 6)
    whole.feed(text)
    at = data.draw(st.integers(0, len(text)))
    cut.feed(text[:at])
    cut.feed(text[at:])
    assert screen(whole) == screen(cut)


@given(st.binary(max_size=300))
def test_any_file_is_survived(content: bytes) -> None:
    for text in (content, recorded([]) + content):
        try:
            found = played(read(text))
        except Unplayable:
            continue
        assert found.data.isascii()
        assert json.loads(found.data)["lines"][0] == ""


@pytest.mark.parametrize(
    ("printed", "screen"),
    [
        ("10 %\r50 %\r100 %\r\nend", ["100 %", "end"]),
        ("abc\b\bX", ["aXc"]),
        ("left\x1b[1;1Hover", ["overt"[:4]]),
        ("$ vi\r\n\x1b[?1049h\x1b[Hfile\x1b[6;1H:q\x1b[?1049l$ ", ["$ vi", "$"]),
        ("a\r\nb\x1b[2J\x1b[Hc", ["c"]),
        ("\x1b]8;;javascript:x\x07link\x1b]8;;\x1b\\ \x1b]0;title\x07end", ["link end"]),
        ("\x1bPq#0;2;0\x1b\\after \x1b_hidden\x1b\\all", ["after all"]),
        ("\x1b[>4;1mvim\x1b[?4m\x1b[!p\x1b[=5u 9", ["vim 9"]),
        ("\x1b(0lqk\x1b(B lqk", ["\u250c\u2500\u2510 lqk"]),
        ("one\x1bEtwo", ["one", "two"]),
        ("a\x1b[3b", ["aaaa"]),
        ("\u202eabc\x00\u200b", ["\u27e8U+202E\u27e9abc\u2400\u27e8U+200B\u27e9"]),
        ("z\u034fw\ufe0f.", ["z\u034fw\ufe0f."]),
        ("\x9b31mred", ["\u27e8U+009B\u27e931mred"]),
        ("e" + "\u0301" * 5000 + "nd", ["\u00e9" + "\u0301" * 6 + "nd"]),
    ],
)
def test_what_a_terminal_would_show(printed: str, screen: list[str]) -> None:
    assert replay(playback([0, "o", printed])) == screen


def test_states_are_seen_one_after_another() -> None:
    found = playback([0, "o", "one\r\n"], [1, "o", "two\r\n"], [60, "o", "\x1b[2Jthree"])
    assert [replay(found, until) for until in (0, 999, 1000, 2999, 3000)] == [
        ["one"],
        ["one"],
        ["one", "two"],
        ["one", "two"],
        ["", "", "three"],
    ]
    assert found.milliseconds == 3000
    assert found.notes == ("it took 1 min 00 s; where nothing happened for more than 2 s, 2 s are shown",)


def test_lines_that_are_the_same_move_up_too() -> None:
    found = playback(*([number, "o", "same\r\n" + "\n" * (number == 7)] for number in range(9)))
    assert [replay(found, number * 1000) for number in (5, 6, 7, 8)] == [
        ["same"] * 5,
        ["same"] * 5,
        ["same"] * 4,
        ["same", "same", "same", "", "same"],
    ]


def test_a_resized_terminal_shows_more() -> None:
    found = playback([0, "o", "x" * 25], [1, "r", "40x6"], [2, "o", "\r\n" + "y" * 30], [3, "r", "\u00b2x9"])
    assert replay(found) == ["x" * 20, "x" * 5, "y" * 30]


def test_styles_are_the_classes_of_other_output() -> None:
    found = playback([0, "o", "\x1b[1;93mw\x1b[0;7mi\x1b[32ms\x1b[0;105mb\x1b[0;38;5;9mp"])
    assert json.loads(found.data)["lines"][1] == [
        ["w", "bold yellow"],
        ["i", "inverse"],
        ["s", "on-green"],
        ["b", "on-magenta"],
        "p",
    ]


def test_bad_lines_are_counted_and_the_rest_is_played() -> None:
    bad = [
        '{"a":1}',
        "[1]",
        '[NaN,"o","x"]',
        '[-1,"o","x"]',
        '[1e999,"o","x"]',
        '[true,"o","x"]',
        "[" * 20000,
        "no",
        '[1,"o",2]',
    ]
    content = recorded([[0, "o", "first "]]) + "\n".join([*bad, '[0.1,"o","last"]', '[0.2,"m","mark"]']).encode()
    found = played(read(content))
    assert replay(found) == ["first last"]
    assert found.notes == ("9 lines of the recording cannot be read",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no",
        b"[]",
        b'{"version":3,"term":{"cols":9,"rows":9}}',
        b'{"version":2}',
        b'{"version":2,"width":"9","height":1}',
    ],
)
def test_what_has_no_header_is_not_played(content: bytes) -> None:
    with pytest.raises(Unplayable):
        read(content)


def test_the_first_version_is_read() -> None:
    text = {"version": 1, "width": 9, "height": 3, "stdout": [[0.5, "a"], [0.5, "b"], ["x", 1]]}
    found = played(read(json.dumps(text, indent=1).encode()))
    assert [replay(found, until) for until in (0, 500, 1000)] == [[], ["a"], ["ab"]]
    assert found.notes == ("1 line of the recording cannot be read",)


def test_our_own_recorder_is_read() -> None:
    cast = Cast()
    for number in range(50):
        cast.add(number / 10, f"line {number}\n".encode())
    assert replay(played(read(cast.value()))) == [f"line {number}" for number in range(27, 50)]


def test_large_ones_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casts, "SCRIPT", 2000)
    found = playback(*([number / 10, "o", f"{number} {'x' * 9}\r\n"] for number in range(500)))
    assert len(found.data) < 3000
    assert replay(found)[-1] == "499 xxxxxxxxx"
    assert "only the last screen is kept" in found.notes[0]
    monkeypatch.setattr(casts, "READ", 1000)
    short = playback(*([number / 10, "o", f"{number}\r\n"] for number in range(500)))
    assert int(replay(short)[-1]) < 60
    assert short.notes[0].startswith("only the first")


@pytest.mark.parametrize(
    "piece", ["\x1b[2J\x1b[H", "\x1b[K", "\x1b[?1049h\x1b[?1049l", "\n", "\x1b[9999@", "\x1b[m\u0301", "\x1b7"]
)
def test_no_recording_holds_up_a_build(piece: str) -> None:
    large = {"version": 2, "width": 10**6, "height": 10**6}
    text = piece * (2**20 // len(piece))
    began = time.process_time()
    found = played(read(recorded([[0, "o", text], [9, "o", text]], large)))
    assert time.process_time() - began < 20
    assert len(found.data) < casts.SCRIPT * 1.1


def test_one_line_of_a_megabyte_is_survived() -> None:
    found = playback([0, "o", "x" * 10**6], [1, "o", f"\x1b]0;{'t' * 10**6}"], [2, "o", "t\x07\r\nend"])
    assert replay(found)[-1] == "end"
    assert "t" not in found.data.partition('"lines":')[2].partition("]")[0]


def add_run(root: Path, cast: bytes, annotator: str = "rater-1", number: int = 1) -> None:
    """A run on `calm-heron`; digests are not looked at by pages."""
    image = {"id": f"sha256:{DIGEST}", "layers": [], "context_sha256": DIGEST}
    stream = {"sha256": DIGEST, "bytes": 4, "hidden": 0}
    record = {
        "format": 1,
        "task": TASK,
        "alias": "calm-heron",
        "annotator": annotator,
        "kind": "command",
        "command": ["ls"],
        "state": {"kind": "final", "milestone": "skip-words", "patch_sha256": DIGEST},
        "exit_code": 0,
        "seconds": 1.0,
        "stdout": stream,
        "stderr": stream,
        "cast_sha256": DIGEST,
        "image": image,
        "task_sha256": DIGEST,
    }
    place = root / f"annotations/{TASK}/evidence/{annotator}/{number:02d}.json"
    write_json(place, record)
    place.with_suffix(".out").write_bytes(b"out\n")
    place.with_suffix(".cast").write_bytes(cast)


def test_a_page_plays_runs_and_tests(root: Path) -> None:
    add_run(root, recorded([[0, "o", "seen"]]))
    (root / f"trajectories/{TASK}/calm-heron/tests/count-words.cast").write_bytes(recorded([[0, "o", "tested"]]))
    workspace = load(root)
    made = files(workspace, workspace.attempts[TASK]["calm-heron"], {})
    page = made[f"trajectories/{TASK}/calm-heron.md"]
    for name, text in (("r-rater-1-01", "seen"), ("t-count-words", "tested")):
        path = f"trajectories/{TASK}/calm-heron/casts/{name}.js"
        assert f'data-src="calm-heron/casts/{name}.js"' in page
        assert made[path].startswith(f'{SCRIPT_MARK}__assayCast("{name}",')
        assert text in made[path]
    assert page.count("cast.js") == 1
    assert (
        "as-cast"
        not in files(workspace, workspace.attempts[TASK]["brisk-otter"], {})[f"trajectories/{TASK}/brisk-otter.md"]
    )
    assert files(workspace, workspace.attempts[TASK]["calm-heron"], {}) == made


def test_scripts_go_when_the_recording_goes(root: Path) -> None:
    add_run(root, recorded([[0, "o", "seen"]]))
    write(root / "site", pages(load(root), Ranked(None)))
    script = root / f"site/trajectories/{TASK}/calm-heron/casts/r-rater-1-01.js"
    assert script.is_file()
    (root / f"annotations/{TASK}/evidence/rater-1/01.cast").unlink()
    write(root / "site", pages(load(root), Ranked(None)))
    assert not script.exists()


def test_runs_of_those_who_are_not_revealed_are_not_played(root: Path) -> None:
    add_run(root, recorded([[0, "o", "secret"]]), annotator="rater-9")
    made = pages(load(root), Ranked(None), audience="annotator")
    assert not [path for path, text in made.items() if "secret" in text or "rater-9" in text or "/casts/" in path]


def test_annotators_do_not_see_what_others_ran(root: Path) -> None:
    add_run(root, recorded([[0, "o", "secret"]]))
    path = f"trajectories/{TASK}/calm-heron.md"
    assert "Runs by annotators" in pages(load(root), Ranked(None))[path]
    made = pages(load(root), Ranked(None), audience="annotator")
    assert "Runs by annotators" not in made[path]
    assert not [path for path, text in made.items() if "secret" in text or "/casts/" in path]


def test_an_attack_is_text(root: Path) -> None:
    add_run(root, recorded([[0, "o", ATTACK], [1, "o", BLOCK], [2, "o", "\u2028\ud800"]]))
    add_run(root, b'{"version": "</script>"}', number=2)
    workspace = load(root)
    made = files(workspace, workspace.attempts[TASK]["calm-heron"], {})
    script = made[f"trajectories/{TASK}/calm-heron/casts/r-rater-1-01.js"]
    assert script.isascii()
    assert "<" not in script
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", script)
    assert "\\u202e" not in script
    assert "\\u001b" not in script
    assert "The recording cannot be played: it is of another version" in made[f"trajectories/{TASK}/calm-heron.md"]


def test_the_workspace_without_recordings_loads_no_player(tmp_path: Path) -> None:
    made = pages(load(make_workspace(tmp_path / "w")), Ranked(None))
    assert not [path for path, text in made.items() if "cast.js" in text]
