"""Whatever the text, a page shows it as text: Markdown and HTML see no more in it than characters."""

from __future__ import annotations

import html
import re

import markdown
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.pages.inert import attribute, embed, first_line, flow, inline, part, raw, visible, worded
from tests.pages.hostile import ATTACK

EXTENSIONS = ["attr_list", "md_in_html", "admonition", "tables", "toc", "fenced_code"]
MARKS = "ab1 \n\t`*_[](){}<>#!|\\~-+=:.&;\"'/@$^%\x00\x1b\r\x08\u202e\u200b\u2028\x85\x02\x03"
NASTY = st.text(st.sampled_from(MARKS), max_size=60)
TAGS = re.compile(r"<(?!/?(?:p|code)\b|br\b)[^>]*>")


def rendered(text: str) -> str:
    return str(markdown.markdown(text, extensions=EXTENSIONS))


def shown(markup: str) -> str:
    return html.unescape(re.sub(r"</?(?:p|code|div)\b[^>]*>", "", markup))


@settings(max_examples=300, deadline=None)
@given(NASTY | st.text(max_size=60))
@example(ATTACK)
@example("1. not a list")
@example("[a]: javascript:x")
@example("---\n===")
@example("x\n: definition")
@example("\x02wzxhzdk:0\x03")
def test_inline_text_renders_as_itself(text: str) -> None:
    page = rendered(f"word {inline(text)} word")
    assert not TAGS.search(page)
    assert shown(page).split() == ["word", *visible(text).split(), "word"]


@settings(max_examples=300, deadline=None)
@given(NASTY | st.text(max_size=60))
@example(ATTACK)
@example("    four spaces\n\n    make code")
@example("a\n\n1. b\n\n- c\n\n> d\n\n# e\n\n| a |\n|---|\n")
def test_flowing_text_becomes_paragraphs_and_code_only(text: str) -> None:
    page = rendered(flow(part(text)))
    assert not TAGS.search(page)
    assert "".join(shown(page).replace("`", "").split()) == "".join(visible(text).replace("`", "").split())


@settings(max_examples=300, deadline=None)
@given(NASTY | st.text(max_size=60))
@example(ATTACK)
@example("```\n# x\n```")
@example("\n\n<div markdown='1'>*x*</div>")
def test_raw_blocks_show_every_character(text: str) -> None:
    page = rendered(f'before\n\n<div class="x"><pre title="{attribute(text)}">{raw(text)}</pre></div>\n\nafter')
    title, _, block = page.partition('<div class="x"><pre title="')[2].partition("</pre></div>")[0].partition('">')
    assert "<" not in block
    assert html.unescape(block) == html.unescape(title) == visible(text)


def test_back_ticks_mark_code_and_nothing_else() -> None:
    assert worded("use `a*b` <i>") == "use <code>a&#42;b</code> &#60;i&#62;"
    assert "<code>" not in worded("one ` tick")
    assert "<code>" not in part("a `b\n\nc` d")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ends\nnext", "\nnext"),
        ("10%\r50%\r100%\ndone", "100%\ndone"),
        ("a\r\nb", "a\nb"),
        ("ab\x08c", "ac"),
        ("a\x00b", "a\u2400b"),
        ("a\u202eb\u200bc", "a\u27e8U+202E\u27e9b\u27e8U+200B\u27e9c"),
        ("\ud800", "\u27e8U+D800\u27e9"),
    ],
)
def test_terminal_control_goes_and_the_invisible_is_marked(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(NASTY)
def test_visible_text_keeps_its_lines(text: str) -> None:
    assert visible(text).count("\n") == text.count("\n")


@given(st.text(max_size=400))
def test_visible_text_can_be_written_and_stays_as_it_is(text: str) -> None:
    once = visible(text)
    once.encode()
    assert visible(once) == once


def test_first_lines_are_short_and_say_something() -> None:
    assert first_line("\n\n  hello\nworld") == "hello"
    assert first_line("x" * 500, 20) == "x" * 19 + "\u2026"
    assert first_line(" \n ") == ""
    assert first_line("{\n  ls -la\n}") == "ls -la"
    assert first_line("{\n}") == "{"


def test_embedded_markup_is_one_line_without_fences() -> None:
    assert embed("<pre>```\n~~~</pre>") == "<pre>&#96;&#96;&#96;&#10;&#126;&#126;&#126;</pre>"
