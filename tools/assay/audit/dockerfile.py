"""Reading Dockerfiles: instructions in order, with their stage, and the scripts that they run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from assay.audit.shell import ASCII, LIMIT, Script, script

if TYPE_CHECKING:
    import tree_sitter


@dataclass(frozen=True)
class Heredoc:
    """A file written in the Dockerfile itself; `line` is that of its first line of text."""

    name: str
    line: int
    text: str


@dataclass(frozen=True)
class Instruction:
    """One instruction. `name` is in capitals; `value` is its text without name and flags, comment lines blanked.

    `words` are the paths of COPY and ADD, the entries of a JSON array, otherwise the value split at blanks.
    """

    line: int
    name: str
    value: str
    words: tuple[str, ...]
    flags: Mapping[str, str]
    heredocs: tuple[Heredoc, ...]
    stage: int
    """Number of the build stage, counted from 0; -1 before the first FROM."""
    pairs: tuple[tuple[str, str], ...] = ()
    """What ENV, ARG and LABEL set."""

    @cached_property
    def script(self) -> Script:
        """What RUN, CMD, ENTRYPOINT and HEALTHCHECK execute, with lines of the Dockerfile; empty for all others."""
        if self.name not in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
            return script("")
        if self.value.lstrip().startswith("["):
            inner = self.words[2] if len(self.words) > 2 and self.words[1] in ("-c", "-lc", "-ec") else None
            return script(" ".join(self.words) if inner is None else inner, self.line)
        if self.heredocs and re.fullmatch(r"<<-?\s*['\"]?\w+['\"]?", self.value.partition("\n")[0].strip()):
            return script(self.heredocs[0].text, self.heredocs[0].line)
        return script(self.value, self.line)


@dataclass(frozen=True)
class Stage:
    """A build stage; `base` has the defaults of global ARGs filled in."""

    name: str
    base: str
    line: int
    instructions: tuple[Instruction, ...]


@lru_cache(maxsize=128)
def instructions(text: str) -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile, as far as it can be read."""
    import tree_sitter
    import tree_sitter_containerfile

    source = text[:LIMIT].encode("utf-8", "replace")
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_containerfile.language()))
    found: list[Instruction] = []
    stage = -1
    for node in parser.parse(source.translate(ASCII)).root_node.children:
        if node.type.endswith("_instruction"):
            stage += node.type == "from_instruction"
            found.append(replace(_instruction(node, source), stage=stage))
    return tuple(found)


@lru_cache(maxsize=128)
def stages(text: str) -> tuple[Stage, ...]:
    """The build stages, the one that becomes the image last."""
    found = instructions(text)
    defaults = {name: value for item in found if item.name == "ARG" and item.stage < 0 for name, value in item.pairs}
    starts = [item for item in found if item.name == "FROM"]
    return tuple(
        Stage(
            name=start.words[2] if len(start.words) > 2 and start.words[1].lower() == "as" else "",
            base=_filled(start.words[0] if start.words else "", defaults),
            line=start.line,
            instructions=tuple(item for item in found if item.stage == number),
        )
        for number, start in enumerate(starts)
    )


def _filled(word: str, defaults: Mapping[str, str]) -> str:
    return re.sub(
        r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})",
        lambda found: defaults.get(found[1] or found[2], found[0] if found[3] is None else found[3]),
        word,
    )


def _instruction(node: tree_sitter.Node, source: bytes) -> Instruction:
    name = node.type.removesuffix("_instruction").upper()
    flags = [child for child in node.children if child.type in ("param", "mount_param")]
    arguments = [child for child in node.children[1:] if child not in flags]
    start = arguments[0].start_byte if arguments else node.end_byte
    value = source[start : node.end_byte]
    for child in _all(node):
        if child.type == "comment" and child.start_byte >= start:
            # a comment between continued lines is none of the shell's: the command goes on after it
            blank = b" " * (child.end_byte - child.start_byte - 2) + b"\\\n"
            value = value[: child.start_byte - start] + blank + value[child.end_byte - start :]
    text = value.decode("utf-8", "replace").rstrip()
    line = (arguments[0] if arguments else node).start_point[0] + 1
    paths = [_unquoted(_text(child, source)) for child in arguments if child.type == "path"]
    words = tuple(_array(text)) or (tuple(paths) if name in ("COPY", "ADD") else tuple(text.split()))
    settings = dict(_flag(_text(child, source)) for child in flags)
    return Instruction(
        line, name, text, words, settings, tuple(_heredocs(node, source)), -1, tuple(_pairs(node, source))
    )


def _array(text: str) -> list[str]:
    try:
        found = json.loads(text) if text.startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return [item for item in found if isinstance(item, str)]


def _flag(text: str) -> tuple[str, str]:
    name, _, value = text.removeprefix("--").partition("=")
    return name, value


def _heredocs(node: tree_sitter.Node, source: bytes) -> Iterator[Heredoc]:
    markers = [_text(child, source) for child in _all(node) if child.type == "heredoc_marker"]
    blocks = [child for child in node.children if child.type == "heredoc_block"]
    for marker, block in zip(markers, blocks, strict=False):
        content = next((child for child in block.children if child.type == "heredoc_content"), None)
        if content is not None:
            name = marker.lstrip("<-").strip("\"' ")
            yield Heredoc(name, content.start_point[0] + 1, _text(content, source))


def _pairs(node: tree_sitter.Node, source: bytes) -> Iterator[tuple[str, str]]:
    for child in node.children:
        if child.type in ("env_pair", "arg_pair", "label_pair"):
            parts = [_unquoted(_text(part, source)) for part in child.named_children]
            if parts:
                yield parts[0], parts[1] if len(parts) > 1 else ""


def _all(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    for child in node.children:
        yield child
        yield from _all(child)


def _text(node: tree_sitter.Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
