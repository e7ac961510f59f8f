"""Authors' Markdown looks as they meant it, and does nothing else."""

from __future__ import annotations

import pytest

from assay.pages.prose import render, without_title
from tests.pages.hostile import BLOCK


def test_common_marks_are_rendered() -> None:
    made = render("# Title\n\n- `a` and **b**\n\n```sh\nx < y\n```\n\n| a |\n|---|\n| 1 |\n")
    for part in ("<h3>Title</h3>", "<code>a</code>", "<strong>b</strong>", "x &lt; y", "<table>"):
        assert part in made


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("<script>x</script>", "<script"),
        ("<b onclick='x'>y</b>", "<b"),
        ("[a](javascript:x)", "href"),
        ("[a](vbscript:x)", "href"),
        ("[a](../secret.md)", "href"),
        ("[a](file:///etc/passwd)", "href"),
        ("[a](data:text/html,x)", "href"),
        ("![a](https://example.org/a.png)", "<img"),
        ('<https://example.org/?"onclick=x>', "onclick=x>"),
        ("# a {: onclick=x }", "<h3 onclick"),
        ('[a](https://example.org "x" onclick="y")', "<a"),
    ],
)
def test_nothing_active_passes(text: str, absent: str) -> None:
    assert absent not in render(text)


def test_web_links_stay() -> None:
    assert '<a href="https://example.org/a?b=c" rel="noreferrer noopener">x</a>' in render(
        "[x](https://example.org/a?b=c)"
    )


def test_the_result_is_one_line_that_markdown_takes_for_html() -> None:
    assert "\n" not in render(BLOCK)
    assert "`" not in render(BLOCK)


def test_titles_and_front_matter_are_left_out() -> None:
    assert without_title("---\nversion: 1\n---\n\n# Title\n\ntext\n").strip() == "text"
    assert without_title("## Not a title\n").startswith("## Not")
