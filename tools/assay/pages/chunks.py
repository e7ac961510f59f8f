"""Bodies of long logs as scripts that are loaded when they are needed.

A page that is opened from a folder may fetch nothing but scripts. Bodies travel as trees that the viewer builds
element by element, so that no text is ever parsed as HTML in the browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any

from assay.pages.writer import SCRIPT_MARK

LIMIT = 128 * 1024
"""Characters of a chunk after which the next one begins; a body that is larger has one of its own."""
_VOID = frozenset({"br", "wbr", "hr"})
_TOKEN = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:[^>\"]|\"[^\"]*\")*)>|([^<]+)")
_ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')


def tree(html: str) -> list[Any]:
    """Our own well-formed HTML as nodes `[tag, {attribute: value}, children…]`; text as it is.

    Raises ValueError for what is not well formed: a body must not be half of what it was.
    """
    root: list[Any] = []
    stack = [root]
    at = 0
    for found in _TOKEN.finditer(html):
        if found.start() != at:
            break
        at = found.end()
        closing, tag, attributes, text = found.groups()
        if text is not None:
            stack[-1].append(unescape(text))
        elif closing:
            if len(stack) == 1 or stack.pop()[0] != tag:
                break
        else:
            node = [tag, {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}]
            stack[-1].append(node)
            if tag not in _VOID:
                stack.append(node)
    else:
        if len(stack) == 1 and at == len(html):
            return root
    raise ValueError(f"not well formed at {at}: {html[max(0, at - 40) : at + 40]!r}")


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
