"""Bodies of long logs as scripts that are loaded when they are needed.

A page that is opened from a folder may fetch nothing but scripts. Bodies travel as trees that the viewer builds
element by element, so that no text is ever parsed as HTML in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Any

from assay.pages.writer import SCRIPT_MARK

LIMIT = 128 * 1024
"""Characters of a chunk after which the next one begins; a body that is larger has one of its own."""
_VOID = frozenset({"br", "wbr", "hr"})


class _Tree(HTMLParser):
    """Our own well-formed HTML as `[tag, {attribute: value}, children…]`; text as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.root: list[Any] = []
        self._open: list[list[Any]] = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node: list[Any] = [tag, {name: value or "" for name, value in attrs}]
        self._open[-1].append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].append(data)


def tree(html: str) -> list[Any]:
    """The nodes of `html`, which must be well formed."""
    parser = _Tree()
    parser.feed(html)
    parser.close()
    return parser.root


def packed(bodies: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Steps and their bodies in order, cut into chunks."""
    chunk: list[tuple[int, str]] = []
    size = 0
    for step, body in bodies:
        if chunk and size + len(body) > LIMIT:
            yield chunk
            chunk, size = [], 0
        chunk.append((step, body))
        size += len(body)
    if chunk:
        yield chunk


def script(number: int, chunk: Iterable[tuple[int, str]]) -> str:
    """One chunk as a script: ASCII, the same bytes for the same bodies."""
    nodes = {str(step): tree(body) for step, body in chunk}
    text = json.dumps(nodes, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"{SCRIPT_MARK}__assayChunk({number},{text});\n"
