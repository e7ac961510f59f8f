"""Reference solutions as a command that an agent can run, and the same with one fault in them."""

from __future__ import annotations

import base64
import gzip
import io
import re
import shlex
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath

from assay.agents.material import SCRIPT, File, Goal
from assay.mutation import mutants

LIMIT = 60_000
"""Characters of file contents in a command: one argument of a program may have 131072 bytes, and agents quote it."""
_END = "END-OF-FILE"
_HERE = re.compile(rb">[ \t]*([^\s<>|&;]+)[ \t]*<<[ \t]*'?(\w+)'?\n(?P<body>.*?\n)\2$", re.DOTALL | re.MULTILINE)
_GRAVE = "negate-condition"
"""The fault that tests overlook least often; many others change nothing that anybody would notice."""
_PROSE = (".md", ".rst", ".txt")


def in_shell(files: Sequence[File]) -> str:
    """A command, for the work directory, that applies a solution and leaves nothing else behind.

    Solutions are written for /solution, which an agent may not be allowed to make: they are applied from elsewhere.
    """
    lines = ["at=$(mktemp -d)", *(_readable(files) or _packed(files))]
    if any(b"/solution" in file.content for file in files if file.path == SCRIPT):
        lines.append(rf'sed -i -E "s#(^|[^[:alnum:]_./-])/solution([^[:alnum:]_.-]|$)#\1$at\2#g" "$at/{SCRIPT}"')
    lines += [f'bash "$at/{SCRIPT}"', "code=$?", 'rm -r "$at"', '(exit "$code")']
    return "\n".join(lines)


def _readable(files: Sequence[File]) -> list[str]:
    """Lines that write the files so that a reader sees what is in them; none when that cannot be done exactly."""
    if sum(len(file.content) for file in files) > LIMIT or any(file.executable for file in files):
        return []
    folders = sorted({str(PurePosixPath(file.path).parent) for file in files} - {"."})
    lines = [f"mkdir -p {' '.join(_place(folder) for folder in folders)}"] if folders else []
    for file in files:
        try:
            text = file.content.decode()
        except UnicodeDecodeError:
            return []
        if "\0" in text or _END in text or not text.endswith("\n"):
            return []
        lines.append(f"cat > {_place(file.path)} <<'{_END}'\n{text}{_END}")
    return lines


def _place(path: str) -> str:
    return f'"$at"/{shlex.quote(path)}'


def _packed(files: Sequence[File]) -> list[str]:
    """The same as an archive."""
    store = io.BytesIO()
    with tarfile.open(fileobj=store, mode="w") as archive:
        for file in files:
            info = tarfile.TarInfo(file.path)
            info.size, info.mode = len(file.content), 0o755 if file.executable else 0o644
            archive.addfile(info, io.BytesIO(file.content))
    text = base64.encodebytes(gzip.compress(store.getvalue(), mtime=0)).decode()
    return [f"base64 -d <<'{_END}' | tar -xz -C \"$at\"\n{text}{_END}"]


@lru_cache(maxsize=256)
def spoilt(goal: Goal) -> tuple[File, ...]:
    """The solution with one small fault, always the same one: in what it brings, else in its script.

    Where no such fault is known, what comes last is cut in half.
    """
    if not goal.solution:
        return ()
    parts = dict(_parts(goal.solution))
    made = mutants({name: (None, file.content[start:end]) for name, (file, start, end) in parts.items()}, {}, 24)
    if made:
        fault = next((mutant for mutant in made if mutant.operator == _GRAVE), made[0])
        return _replaced(goal.solution, *parts[fault.path], fault.content)
    script = next(file for file in goal.solution if file.path == SCRIPT)
    if made := mutants({}, {goal.name: script.content}, 1):
        return _replaced(goal.solution, script, 0, len(script.content), made[0].content)
    file, start, end = list(parts.values())[-1] if parts else (script, 0, len(script.content))
    lines = file.content[start:end].splitlines(keepends=True)
    return _replaced(goal.solution, file, start, end, b"".join(lines[: len(lines) // 2]))


def _parts(files: Sequence[File]) -> Iterator[tuple[str, tuple[File, int, int]]]:
    """What a fault can go into, with its place: whole files, and what here-documents of the script write.

    Prose is left out, and so are tests of a solution that has other files.
    """
    found: dict[str, tuple[File, int, int]] = {}
    for file in files:
        if file.path != SCRIPT:
            found[file.path] = file, 0, len(file.content)
            continue
        for number, here in enumerate(_HERE.finditer(file.content)):
            found[f"{SCRIPT}/{number}/{here[1].decode(errors='replace')}"] = (file, *here.span("body"))
    code = [name for name in found if not name.endswith(_PROSE)]
    for name in [name for name in code if "test" not in name.lower()] or code:
        yield name, found[name]


def _replaced(files: Sequence[File], spoilt: File, start: int, end: int, content: bytes) -> tuple[File, ...]:
    changed = replace(spoilt, content=spoilt.content[:start] + content + spoilt.content[end:])
    return tuple(changed if file == spoilt else file for file in files)
