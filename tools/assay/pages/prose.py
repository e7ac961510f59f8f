"""Markdown written by task authors, rendered where it cannot do harm.

MkDocs would pass raw HTML, `javascript:` links and attribute lists through; authors' files arrive by pull request. So
they are rendered here, by a CommonMark parser with HTML switched off, and embedded as finished HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from assay.pages.inert import embed, visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_DEMOTED_BY = 2
_WEB = re.compile(r"https?://", re.I)


def render(text: str) -> str:
    """A raw HTML block. Headings start at level 3, only http(s) links stay links, images become their text."""
    parser = _parser()
    tokens = [_adapted(token) for token in parser.parse(_without_front_matter(visible(text)))]
    return f'<div class="as-prose">{embed(parser.renderer.render(tokens, parser.options, {}))}</div>'


def without_title(text: str) -> str:
    """`text` without a first-level heading on its first line; the page has a title of its own."""
    return re.sub(r"\A\s*# [^\n]*\n", "", _without_front_matter(text))


def _without_front_matter(text: str) -> str:
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Images would be requests, autolinks and entities are left as they are in CommonMark.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _adapted(token: Token) -> Token:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + _DEMOTED_BY)}"
    if token.children:
        token.children = list(_without_local_links(token.children))
    return token


def _without_local_links(tokens: Sequence[Token]) -> Iterator[Token]:
    """Links to files of the repository have no page; their text stays."""
    keep = True
    for token in tokens:
        if token.type == "link_open":
            keep = bool(_WEB.match(str(token.attrGet("href") or "")))
            if keep:
                token.attrSet("rel", "noreferrer noopener")
        if keep or token.type not in ("link_open", "link_close"):
            yield token
