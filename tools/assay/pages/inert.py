"""Hostile text made harmless. Every string that comes from data passes through here on its way to a page.

Annotators open pull requests and agents write transcripts: no text may act as HTML, as Markdown, or on a terminal.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TERMINAL = re.compile(
    r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC: titles and links, terminated or not
    r"|\x1b[PX^_][^\x1b\n]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor moves
    r"|\x1b[ -/]*[0-~]"  # other escapes
)
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n|$)", re.M)
_BACKSPACED = re.compile(r"[^\n\x08]\x08")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_WORD = re.compile(r"\w")
_CODE = re.compile(r"`((?:[^`\n]|\n(?!\n))+)`")
_MARKDOWN = {code: f"&#{code};" for code in range(33, 127) if not chr(code).isalnum() and chr(code) not in ",/?'"}
_RAW = {ord(char): f"&#{ord(char)};" for char in "&<>`~\t"}
_SPECIAL = re.compile("[&<>`~\t]")
_ATTRIBUTE = _RAW | {ord(char): f"&#{ord(char)};" for char in "\"'\n"}
_BLANK_LINE = re.compile(r"^ +$", re.M)


def visible(text: str) -> str:
    """`text` as a person should see it: terminal control removed, what cannot be seen shown as a mark.

    Colours, titles, terminal links and cursor moves go; a line that was overwritten keeps its last state; control,
    zero-width and direction-changing characters become marks. The number of lines stays the same.
    """
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    if "\x1b" in text:
        text = _TERMINAL.sub("", text)
    if "\x08" in text:
        text = _BACKSPACED.sub("", text)
    if "\r" in text:
        text = _OVERWRITTEN.sub("", text).replace("\r", "")
    return _INVISIBLE.sub(_mark, text)


def _mark(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def raw(text: str) -> str:
    """For the text of a raw HTML block; every character stays, line feeds too.

    Markdown parses what comes out tag by tag and entity by entity, so no more is escaped than must be.
    """
    text = visible(text)
    if _SPECIAL.search(text):
        text = text.translate(_RAW)
    return _BLANK_LINE.sub(lambda blanks: "&#32;" * len(blanks.group()), text) if " " in text else text


def attribute(text: str) -> str:
    """For attributes in a raw HTML block.

    Not for tags in running Markdown: links are found there before tags are. They take `inline`.
    """
    return visible(text).translate(_ATTRIBUTE)


def inline(text: str) -> str:
    """For running Markdown, table cells and headings: one line in which no character has a meaning."""
    return " ".join(visible(text).split()).translate(_MARKDOWN)


def worded(text: str) -> str:
    """As `inline`, with `code` between back-ticks, the one notation that people's own words may use."""
    return _coded(" ".join(visible(text).split()))


def part(text: str) -> str:
    """As `worded`, but lines and blanks stay: a piece of what `flow` puts together."""
    return _coded(visible(text))


def flow(*parts: str) -> str:
    """Running Markdown over several lines from inert parts and links; blank lines part paragraphs.

    Leading blanks go, since four of them would make a code block.
    """
    return "\n".join(line.strip() for line in "".join(parts).splitlines()).strip()


def _coded(text: str) -> str:
    """Escape, with spans between back-ticks as code elements; a span stays within its paragraph."""
    pieces, at = [], 0
    for span in _CODE.finditer(text):
        pieces += [text[at : span.start()].translate(_MARKDOWN), f"<code>{span[1].translate(_MARKDOWN)}</code>"]
        at = span.end()
    return "".join((*pieces, text[at:].translate(_MARKDOWN)))


@lru_cache(1 << 12)
def first_line(text: str, limit: int = 110) -> str:
    """The first line with a letter or digit, or with anything, cut to `limit` characters; not yet escaped."""
    lines = filter(None, (visible(line).strip() for line in text.replace("\r\n", "\n").split("\n")))
    first = next(lines, "")
    line = first if _WORD.search(first) else next(filter(_WORD.search, lines), first)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def embed(markup: str) -> str:
    """Finished HTML of another renderer as one line, so that it can stand in Markdown as a raw block.

    `markup` must be well formed and safe already. Fences are hidden from Markdown's preprocessors.
    """
    return markup.translate({ord(char): f"&#{ord(char)};" for char in "\n\r\t`~"})
