"""YAML without its surprises: only what YAML 1.1, YAML 1.2 and a person read the same way.

Values are built from the C parser's events with a table of our own, which is faster than PyYAML's constructors. Aliases
are refused, so no document can grow beyond its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from assay.documents import strings
from assay.documents.source import DUPLICATE, MAX_DEPTH, SYNTAX, TOO_DEEP, Loc, Problem, Reading, Span, unreadable
from assay.documents.yaml_scalars import Ambiguous, plain, quoted

AMBIGUOUS: Final = "yaml-ambiguous"
FEATURE: Final = "yaml-feature"

_Event = Any
"""An event of the C parser: the published stubs know neither its marks nor its properties."""

_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class _TooDeepError(Exception):
    def __init__(self, offset: int) -> None:
        self.offset = offset


def read(text: str) -> Reading:
    """The one document in `text`. Ambiguous values are kept as they are written."""
    builder = _Builder(text)
    try:
        data = builder.document()
    except yaml.MarkedYAMLError as error:
        return unreadable(_syntax(text, error), *builder.problems)
    except yaml.reader.ReaderError as error:
        found = _UNPRINTABLE.search(text)
        message = f"must not contain the character U+{ord(found.group()):04X}" if found else str(error.reason)
        return unreadable(Problem(found.start() if found else 0, SYNTAX, message), *builder.problems)
    except _TooDeepError as error:
        return unreadable(Problem(error.offset, SYNTAX, TOO_DEEP), *builder.problems)
    return Reading(data, tuple(builder.problems), frozenset(builder.flagged))


def _syntax(text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    offset = min(mark.index, len(text)) if mark else 0
    message = str(error.problem or error.context or "not YAML")
    if error.context and error.problem:
        message += f" ({error.context})"
    if text[offset : offset + 1] == "\t":
        hint = "indent with spaces, not tabs"
    else:
        hint = 'write longer text below `key: |`, or put it in "quotes"'
    return Problem(offset, SYNTAX, message[:1].lower() + message[1:], hint)


class _Builder:
    """Turns events into plain values, noting what must not be there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.flagged: set[Loc] = set()
        self.loc: list[str | int] = []

    def document(self) -> Any:
        try:
            self.next = CParser(self.text).get_event
        except UnicodeEncodeError as error:
            raise yaml.reader.ReaderError("", error.start, 0, "utf-8", "must be UTF-8 text") from error
        self.next()
        start = self.next()
        if type(start) is StreamEndEvent:
            return None
        self.directives(start)
        data = self.value(self.next())
        self.next()
        following = self.next()
        if type(following) is not StreamEndEvent:
            self.feature(following, "a file holds one document, found a second", "make it a file of its own")
        return data

    def directives(self, event: _Event) -> None:
        if event.version or event.tags:
            self.feature(event, "directives are not allowed", "delete the lines that start with `%`")

    def value(self, event: _Event) -> Any:
        kind = type(event)
        if kind is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self.properties(event)
            text: str = event.value
            if event.style:
                return text
            value = plain(text)
            if type(value) is Ambiguous:
                self.problem(event, AMBIGUOUS, *value)
                self.flagged.add(tuple(self.loc))
                return text
            return value
        if kind is AliasEvent:
            self.feature(event, f"aliases are not allowed, found `*{event.anchor}`", "repeat the value")
            self.flagged.add(tuple(self.loc))
            return None
        if event.anchor is not None or event.tag is not None:
            self.properties(event)
        if len(self.loc) >= MAX_DEPTH:
            raise _TooDeepError(event.start_mark.index)
        return self.mapping() if kind is MappingStartEvent else self.sequence()

    def mapping(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        firsts: dict[str, _Event] = {}
        while type(event := self.next()) is not MappingEndEvent:
            key = self.key(event)
            if key is None:
                self.skip(self.next())
            elif key in data:
                line = self.text.count("\n", 0, firsts[key].start_mark.index) + 1
                message = f"keys must be unique, found `{key}` again; the first is on line {line}"
                self.problem(event, DUPLICATE, message, "keep one of them")
                self.flagged.add((*self.loc, key))
                self.skip(self.next())
            else:
                firsts[key] = event
                self.loc.append(key)
                data[key] = self.value(self.next())
                self.loc.pop()
        return data

    def sequence(self) -> list[Any]:
        data: list[Any] = []
        while type(event := self.next()) is not SequenceEndEvent:
            self.loc.append(len(data))
            data.append(self.value(event))
            self.loc.pop()
        return data

    def key(self, event: _Event) -> str | None:
        """The text of a key; None when its entry has to be left out."""
        if type(event) is not ScalarEvent:
            self.feature(event, "keys must be text, found something else", "use a plain word as the key")
            self.skip(event)
            return None
        if event.anchor is not None or event.tag is not None:
            self.properties(event)
        text: str = event.value
        if event.style:
            return text
        if text == "<<":
            self.feature(event, "merge keys are not allowed, found `<<`", "repeat the entries")
            self.flagged.add((*self.loc, text))
            return None
        value = plain(text)
        if type(value) is str:
            return text
        if type(value) is Ambiguous:
            self.problem(event, AMBIGUOUS, value.message, f"quote the key: {quoted(text)}")
        else:
            self.feature(event, f"keys must be text, found `{text}`", f"quote the key: {quoted(text)}")
        self.flagged.add((*self.loc, text))
        return text

    def properties(self, event: _Event) -> None:
        if event.anchor is not None:
            self.feature(event, f"anchors are not allowed, found `&{event.anchor}`", "repeat the value where needed")
        if event.tag is not None:
            self.feature(event, f"tags are not allowed, found `{event.tag}`", "delete the tag; quotes make text")
            self.flagged.add(tuple(self.loc))

    def skip(self, event: _Event) -> None:
        """Leave out the node that starts with `event`."""
        open_nodes = 0
        while True:
            if type(event) in (MappingStartEvent, SequenceStartEvent):
                open_nodes += 1
            elif type(event) in (MappingEndEvent, SequenceEndEvent):
                open_nodes -= 1
            if open_nodes + len(self.loc) > MAX_DEPTH:
                raise _TooDeepError(event.start_mark.index)
            if open_nodes == 0:
                return
            event = self.next()

    def feature(self, event: _Event, message: str, hint: str) -> None:
        self.problem(event, FEATURE, message, hint)

    def problem(self, event: _Event, rule: str, message: str, hint: str) -> None:
        self.problems.append(Problem(event.start_mark.index, rule, message, hint))


class _Node(NamedTuple):
    """Places of one value. `children` maps keys or indexes to the offset of the key and the value's node."""

    start: int
    end: int
    style: str | None
    children: dict[str | int, tuple[int | None, _Node]]


class YamlLocator:
    """Reads the events a second time, keeping their marks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._next = CParser(text).get_event
        self._next()
        start = self._next()
        self._root = self._node(self._next()) if type(start) is DocumentStartEvent else _Node(0, 0, None, {})
        del self._next

    def span(self, loc: Sequence[str | int]) -> Span:
        """The deepest part of `loc` that exists."""
        node, key = self._find(loc)
        return Span(node.start, node.end, key)

    def offsets(self, loc: Sequence[str | int], value: str) -> list[int] | None:
        """Exact for literal blocks and scalars on one line; folded white space is placed behind the word before it."""
        start, end, style, _ = self._find(loc)[0]
        text = self.text
        if style == "|":
            return strings.literal(text, start, end, value)
        if style == ">":
            body = strings.block_body(text, start, end)
            found = list(strings.units(text, body, end, escapes=False)) if body is not None else []
            return strings.folded(found, value, max((at + 1 for at, white in found if not white), default=end))
        if style:
            start = text.find(style, start, end) + 1
            end -= 1
        found = list(strings.units(text, start, end, escapes=style == '"', doubled=style == "'"))
        return (strings.folded if "\n" in text[start:end] else strings.exact)(found, value, end)

    def _find(self, loc: Sequence[str | int]) -> tuple[_Node, int | None]:
        node, key = self._root, None
        for part in loc:
            if part not in node.children:
                break
            key, node = node.children[part]
        return node, key

    def _node(self, event: _Event) -> _Node:
        start, kind = event.start_mark.index, type(event)
        children: dict[str | int, tuple[int | None, _Node]] = {}
        if kind is SequenceStartEvent:
            while type(event := self._next()) is not SequenceEndEvent:
                children[len(children)] = None, self._node(event)
        elif kind is MappingStartEvent:
            while type(event := self._next()) is not MappingEndEvent:
                key = self._node(event)
                value = self._node(self._next())
                if type(event) is ScalarEvent:
                    children.setdefault(event.value, (key.start, value))
        return _Node(start, event.end_mark.index, event.style if kind is ScalarEvent else None, children)
