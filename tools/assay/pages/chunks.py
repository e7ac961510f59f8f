"""Bodies of long logs as scripts that are loaded when they are needed.

A page that is opened from a folder may fetch nothing but scripts. Bodies travel as trees that the viewer builds
element by element, so that no text is ever parsed as HTML in the browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import unescape
from typing import Any, TypeVar

from assay.pages.writer import SCRIPT_MARK

LIMIT = 128 * 1024
"""Characters of a chunk after which the next one begins; a body that is larger has one of its own."""
_VOID = frozenset({"br", "wbr", "hr"})
_TAG = re.compile(r"(/?)([a-z][a-z0-9]*)((?: [a-z-]+(?:=\"[^\"]*\")?)*)")
_ATTRIBUTE = re.compile(r' ([a-z-]+)(?:="([^"]*)")?')


def tree(html: str) -> list[Any]:
    """Our own well-formed HTML as nodes `[tag, {attribute: value}, children…]`; text as it is.

    Raises ValueError for what is not well formed: a body must not be half of what it was.
    """
    root: list[Any] = []
    stack = [root]
    first, *pieces = html.split("<")
    if first:
        root.append(_text(first))
    for piece in pieces:
        inner, end, text = piece.partition(">")
        closing, tag, attributes = _opened(inner)
        if not end or (closing and (len(stack) == 1 or stack.pop()[0] != tag)):
            raise ValueError(f"not well formed at <{piece[:40]!r}")
        if not closing:
            node = [tag, attributes]
            stack[-1].append(node)
            if tag not in _VOID:
                stack.append(node)
        if text:
            stack[-1].append(_text(text))
    if len(stack) != 1:
        raise ValueError(f"not well formed: <{stack[-1][0]}> is not closed")
    return root


@lru_cache(4096)
def _opened(inner: str) -> tuple[str, str, dict[str, str]]:
    """What stands between angle brackets: whether it closes, tag, attributes. The same object for the same text."""
    found = _TAG.fullmatch(inner)
    if not found:
        raise ValueError(f"not well formed: <{inner[:40]!r}>")
    closing, tag, attributes = found.groups()
    return closing, tag, {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}


def _text(text: str) -> str:
    return unescape(text) if "&" in text else text


Key = TypeVar("Key", int, str)


def packed(bodies: Iterable[tuple[Key, str]]) -> Iterator[list[tuple[Key, str]]]:
    """Steps, or anchors of what else is opened, and their bodies in order, cut into chunks."""
    chunk: list[tuple[Key, str]] = []
    size = 0
    for step, body in bodies:
        if chunk and size + len(body) > LIMIT:
            yield chunk
            chunk, size = [], 0
        chunk.append((step, body))
        size += len(body)
    if chunk:
        yield chunk


def script(number: int, chunk: Iterable[tuple[int | str, str]]) -> str:
    """One chunk as a script: ASCII, the same bytes for the same bodies."""
    nodes = {str(step): tree(body) for step, body in chunk}
    text = json.dumps(nodes, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    return f"{SCRIPT_MARK}__assayChunk({number},{text});\n"
