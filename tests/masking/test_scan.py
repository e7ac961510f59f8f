"""The scan itself: places, context, chunks, and texts that nobody expects."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.masking import Dictionary, Leak, scan
from assay.masking.dictionary import named, standard
from assay.masking.files import leaks, names
from assay.model.settings import MaskPolicy

NAMES = [term.name for term in standard().terms if term.pattern == term.name and re.fullmatch("[a-z ]+", term.name)]
"""Plain names of letters only."""


def found(text: str) -> list[tuple[str, str]]:
    return [(leak.term, text[leak.start : leak.end]) for leak in scan(text)]


@given(
    st.text(max_size=200), st.sampled_from(["opencode", "Qwen", "toolu_01AbCdEfGhIj", "豆包"]), st.text(max_size=200)
)
def test_a_name_is_found_where_it_is_whatever_stands_around_it(before: str, name: str, after: str) -> None:
    text = f"{before}\n{name}\n{after}"
    spans = [(leak.start, leak.end) for leak in scan(text)]
    assert any(start <= len(before) + 1 and len(before) + 1 + len(name) <= end for start, end in spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@given(st.text(alphabet=st.sampled_from("claudeopnigrs -_./:@[]()\"'\n\x1b\ud800é1234567890"), max_size=300))
def test_the_scan_never_raises(text: str) -> None:
    assert all(text[leak.start : leak.end] for leak in scan(text))


@pytest.mark.parametrize("joint", [" ", "-", "_", "", "\u2011"])
def test_every_plain_name_is_found_with_any_joint(joint: str) -> None:
    assert len(NAMES) > 100
    for name in NAMES:
        written = name.title().replace(" ", joint)
        assert any(part in written or written in part for _, part in found(f"x {written} y")), written


def test_every_pattern_can_be_used() -> None:
    for term in standard().terms:
        assert term.words or not term.name.isascii()
        assert term.find("a text without any", 2, 6) is None


def test_chunks_do_not_matter() -> None:
    filler = "lorem ipsum dolor " * 3640
    for shift in range(0, 60, 7):
        text = f"{filler}{'x' * shift} claude code {filler} é 豆包 made by Anthropic's AI {filler}"
        assert [term for term, _ in found(text)] == ["claude code", "豆包", "made by a vendor"]
        assert all(part.lower() in text.lower() for _, part in found(text))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("gpt-5-codex", "gpt model"),
        ("mini-swe-agent", "mini swe agent"),
        ("\x1b[32mQwen\x1b[0m", "qwen"),
        ("Typical Opus verbosity", "opus style"),
        ("This looks like Claude.", "claude named"),
    ],
)
def test_one_place_is_one_leak(text: str, term: str) -> None:
    assert [leak.term for leak in scan(text)] == [term]


def test_a_workspace_adds_terms() -> None:
    more = Dictionary([named("own", "Kestrel Labs"), named("own", "青鸟")])
    text = "by kestrel_labs, KestrelLabs and 青鸟; not a kestrel in labs"
    assert [text[leak.start : leak.end] for leak in scan(text, more)] == ["kestrel_labs", "KestrelLabs", "青鸟"]
    assert next(scan(text, more)) == Leak(3, 15, "kestrel labs", "own", True)


def test_what_is_allowed_is_allowed_in_its_task_only() -> None:
    policy = MaskPolicy.model_validate({"allow": [{"term": "OpenCode", "task": "a", "reason": "its subject"}]})
    assert [item.leak.term for item in leaks("x.log", "opencode and qwen", "a", policy)] == ["qwen"]
    assert [item.leak.term for item in leaks("x.log", "opencode, OpenCode", "b", policy)] == ["opencode"]
    assert [leak.term for leak in names("b/opencode-1", "b", policy)] == ["opencode"]
    assert list(names("a/opencode-1", "a", policy)) == []


def test_escapes_of_json_hide_nothing_and_the_step_is_told() -> None:
    text = '{"steps": [\n{"step_id": 1, "message": ""}, {"step_id": 2, "message": "x\\nClaude Code\\u001b[0m"}]}'
    (item,) = leaks("trajectories/a/b/trajectory.json", text, "a", MaskPolicy())
    assert (item.text, item.step) == ("Claude Code", 2)


def test_guesses_may_name_agents() -> None:
    flow = 'rationale: fine\n    identity_guess: {agent: claude code, confidence: 1, cue: "Qwen"}\nminutes: 3\n'
    block = "    identity_guess:\n      agent: claude code\n      cue: Qwen\nminutes: 3 # codex cli\n"
    assert leaks("r.yaml", flow, "a", MaskPolicy()) == []
    assert [item.leak.term for item in leaks("r.yaml", block, "a", MaskPolicy())] == ["codex cli"]


def test_a_text_full_of_names_is_no_trap() -> None:
    start = time.process_time()
    assert len(list(scan("claude " * 20_000))) == 20_000
    assert time.process_time() - start < 20
