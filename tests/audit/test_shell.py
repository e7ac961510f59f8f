"""The readers of shell scripts and Dockerfiles: structure, lines, and that no text makes them fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.audit.dockerfile import instructions, stages
from assay.audit.shell import script
from assay.audit.statements import Node, Redirect, runs_tests, unwrapped

SCRIPT = """#!/bin/bash
set -euo pipefail
LOG="/logs/${NAME:-verifier}"
check() { timeout -k 5 9 pytest "/tests/a b.py" -q; }
if check 2>&1 | tee log; then
  echo 1 > "$LOG/reward.txt"
elif ! other; then :
else echo 0 >> r
fi
a && b || true
cat > /app/s.py <<'EOF'
print("$X")
EOF
server --port 80 >/dev/null &
case $? in 0) y;; a|*) exit 1;; esac
until nc -z h 1; do sleep 1; done
cat <<EOF | tee q && echo z
body
EOF
python3 - <<'EOF' || true
1
EOF
{ one; two > q; } > all
n=$(count x)
"""


def kinds(node: Node) -> Iterator[str]:
    return (part.kind for part in node.parts)


def test_the_structure_of_a_script() -> None:
    found = script(SCRIPT)
    assert [*kinds(found.whole)] == [
        *("command", "command", "function", "if", "or", "command", "background", "case", "loop", "pipeline"),
        *("or", "block", "command"),
    ]
    branch, either, loop = found.whole.parts[3], found.whole.parts[4], found.whole.parts[8]
    assert len(branch.parts) == 5  # condition, body, condition, body, else
    assert [*kinds(branch.parts[0])] == ["pipeline"]
    assert [*kinds(branch.parts[2])] == ["not"]
    assert [*kinds(either)] == ["and", "command"]
    assert [*kinds(loop)] == ["not", "block"]
    assert [item.words for item in found.whole.parts[7].parts] == [("0",), ("a", "*")]


def test_words_variables_and_redirections() -> None:
    found = script(SCRIPT)
    by_line = {command.line: command for command in found.commands}
    assert by_line[4].argv == ("pytest", "/tests/a b.py", "-q")
    assert found.expand(by_line[6].redirects[0].target) == "/logs/verifier/reward.txt"
    assert by_line[11].redirects == (Redirect(">", "/app/s.py"), Redirect("<<", "", 'print("$X")\n'))
    assert [item.target for item in (by_line[23].redirects)] == ["q"]
    assert next(c for c in found.commands if c.words == ("one",)).redirects == (Redirect(">", "all"),)
    assert found.expand("$n") == "$n"  # what a command prints is not known
    assert ("count", "x") in [command.words for command in found.commands]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        (17, "pipeline", [("cat",), ("tee", "q"), ("echo", "z")]),
        (20, "or", [("python3",), ("true",)]),
    ],
)
def test_what_follows_a_here_document(line: int, kind: str, words: list[tuple[str, ...]]) -> None:
    node = next(part for part in script(SCRIPT).whole.parts if part.line == line)
    assert node.kind == kind
    assert [c.words for c in script(SCRIPT).commands if c.line == line] == words


@pytest.mark.parametrize(
    ("line", "is_test"),
    [
        ("timeout 9 pytest", True),
        ("python3 -I -m pytest /tests", True),
        ("uvx -p 3.13 -w pytest==8.4.1 pytest /tests", True),
        ("bash /tests/inner.sh", True),
        ("make -C /app check", True),
        ("diff a b", True),
        ("pip install pytest", False),
        ("uv pip install pytest", False),
        ("python3 /app/main.py", False),
        ("echo pytest", False),
    ],
)
def test_which_commands_run_tests(line: str, is_test: bool) -> None:
    assert runs_tests(unwrapped(line.split())) is is_test


DOCKERFILE = """# syntax=docker/dockerfile:1
ARG BASE=debian
FROM ${BASE}:bookworm AS build
ENV A=1 B="two three"
COPY --chown=a:b src/ "tests" /app/
copy ["a b", "/app/"]
RUN apt-get update && \\
    # a comment between
    apt-get install -y curl
RUN <<EOF
echo hi

COPY a b
EOF
COPY <<EOF /app/answer.txt
42
EOF
RUN ["sh", "-c", "echo 1 > /y"]
FROM build
"""


def test_the_instructions_of_a_dockerfile() -> None:
    found = instructions(DOCKERFILE)
    assert [(item.line, item.name) for item in found] == [
        *((2, "ARG"), (3, "FROM"), (4, "ENV"), (5, "COPY"), (6, "COPY"), (7, "RUN"), (10, "RUN"), (15, "COPY")),
        *((18, "RUN"), (19, "FROM")),
    ]
    assert found[2].pairs == (("A", "1"), ("B", "two three"))
    assert (found[3].flags, found[3].words) == ({"chown": "a:b"}, ("src/", "tests", "/app/"))
    assert found[4].words == ("a b", "/app/")
    assert (found[7].heredocs[0].line, found[7].heredocs[0].text) == (16, "42\n")
    commands = [(node.line, node.words) for item in found for node in item.script.commands]
    assert commands == [
        *((7, ("apt-get", "update")), (9, ("apt-get", "install", "-y", "curl")), (11, ("echo", "hi"))),
        *((13, ("COPY", "a", "b")), (18, ("echo", "1"))),
    ]
    assert [(stage.name, stage.base) for stage in stages(DOCKERFILE)] == [("build", "debian:bookworm"), ("", "build")]


PIECES = st.sampled_from(
    [
        *"(){}[]<>|&;$`'\"\\\n #!=",
        "<<EOF\n",
        "EOF\n",
        "if ",
        "then ",
        "fi\n",
        "case ",
        "esac",
        "do ",
        "done",
        "RUN ",
        "COPY ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join))
def test_no_text_makes_the_readers_fail(text: str) -> None:
    lines = text.count("\n") + 1
    for found in (script(text), *(item.script for item in instructions(text))):
        assert all(1 <= node.line <= lines + 1 for node in found.commands)
        assert all(isinstance(found.expand(word), str) for node in found.commands for word in node.argv)
    stages(text)


def test_deep_nesting_is_cut_off() -> None:
    assert len(script("( " * 5000).commands) == 0
    assert len(script("echo $(" * 3000).commands) < 100


def test_characters_that_crash_the_grammar() -> None:
    # its scanner asks the C library for the class of characters that have none
    found = script("echo \U0010fa6b{1..\U0010fa6b}\n" * 100)
    assert found.commands[99].words == ("echo", "\U0010fa6b{1..\U0010fa6b}")
