"""The list of mutants: deterministic, valid, distinct, fair to files and operators, and shown by diffs that apply."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.mutation import LIMIT, Mutant, mutants
from assay.mutation.edits import changed_lines, lines_of

PACKAGE = Path(__file__).parents[2] / "tools/assay"
SOURCES = {path.name: path.read_bytes() for path in sorted((PACKAGE / "mutation").glob("*.py"))}
Changed = dict[str, tuple[bytes | None, bytes]]

_LINES = r"""x = 1
if a < b:
    return x + 1
for i in range(n):
  f(a, b)

a,b,3
1,2,3.5
{"k": [1, 2]}
k: true
while (a < b) {
	x = f(y);
sort -u a | head > b
é ; 7
"""
_LINE = st.sampled_from([*_LINES.split("\n"), "\r"])
_TEXT = st.tuples(st.lists(_LINE, max_size=8).map("\n".join), st.sampled_from(["", "\n"])).map("".join).map(str.encode)
_NAME = st.sampled_from(["/a/x.py", "/a/x.c", "/a/x.json", "/a/x.jsonl", "/a/x.csv", "/a/x.txt", "/a/x.sh"])


@st.composite
def results(draw: st.DrawFn) -> Changed:
    """Files of ours, of which some lines are old, and files of random lines."""
    found: Changed = {}
    for name in draw(st.lists(st.sampled_from(sorted(SOURCES)), max_size=2)):
        lines = lines_of(SOURCES[name])
        kept = draw(st.integers(0, len(lines)))
        found[f"/app/{name}"] = (draw(st.none() | st.just(b"".join(lines[:kept]))), SOURCES[name])
    return found | draw(st.dictionaries(_NAME, st.tuples(st.none() | _TEXT, _TEXT), max_size=3))


@settings(max_examples=25, deadline=None)
@given(results(), st.dictionaries(st.sampled_from("mn"), _TEXT), st.integers(0, 12))
def test_the_list_depends_on_nothing_but_its_input(changed: Changed, solutions: dict[str, bytes], cap: int) -> None:
    found = mutants(changed, solutions, cap)

    assert found == mutants(dict(reversed(changed.items())), dict(reversed(solutions.items())), cap)
    assert found == mutants(changed, solutions, cap + 5)[:cap], "a smaller cap is a beginning"
    assert [item.name for item in found] == [f"mutant-{number:02}" for number in range(1, len(found) + 1)]
    for item in found:
        check(item, changed, solutions)
    identities = Counter((item.path, item.milestone, item.content) for item in found)
    assert set(identities.values()) <= {1}


def check(item: Mutant, changed: Changed, solutions: dict[str, bytes]) -> None:
    before, after = changed[item.path] if item.target == "artifact" else (None, solutions[item.milestone])
    assert item.content != after
    touched = {item.line} | changed_lines(item.content, after)
    assert item.operator == "revert-change" or touched & changed_lines(before, after)
    if item.path.endswith(".py"):
        assert ast.dump(ast.parse(item.content)) != ast.dump(ast.parse(after))


def test_every_diff_applies(tmp_path: Path) -> None:
    """Also without a line feed at the end, with carriage returns, and at both ends of a file."""
    changed: Changed = {
        "/app/a b.py": (None, b"x = 1"),
        "/app/crlf.py": (None, b"def f(a):\r\n    if a > 3:\r\n        return a - 1\r\n    return 0\r\n"),
        "/app/one.txt": (b"40\n", b"42"),
        "/app/many.txt": (b"1\n2\n9\n", b"1\n2\nthree\n4 \xc3\xa9\n5\n6\n7"),
        "/app/t.csv": (None, b"a,b\n1,2\n3,4"),
        "/app/ledger.py": (None, SOURCES["python.py"]),
    }
    found = mutants(changed, {"m": b"make\nsort a | uniq -c > b\n"}, 80)
    assert len(found) == 80
    for number, item in enumerate(found):
        folder = tmp_path / str(number)
        file = folder / item.path.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(changed[item.path][1] if item.target == "artifact" else b"make\nsort a | uniq -c > b\n")
        argv = ["git", "apply", "--whitespace=nowarn", "-"]
        subprocess.run(
            argv,
            cwd=folder,
            input=item.diff.encode(),
            check=True,
            env={"GIT_CEILING_DIRECTORIES": "/", "PATH": "/usr/bin:/bin"},
        )
        assert file.read_bytes() == item.content, item.diff


def test_unrelated_edits_leave_the_mutants_alone() -> None:
    before = b"A = 1\n\n\ndef old(a):\n    return a + 1\n\n"
    new = b"\ndef new(a, b):\n    if a < b:\n        return a - b\n    return old(a) * 2\n"
    edited = b"A = 7\n# why not\n\ndef old(a):\n    return a * 1\n\n\n"

    def said(base: bytes) -> list[tuple[str, list[str]]]:
        found = mutants({"/app/x.py": (base, base + new)}, {}, 99)
        return [(item.operator, [line for line in item.diff.splitlines() if line[:1] in "+-"]) for item in found]

    assert said(before) == said(edited)
    assert len(said(before)) > 8


def test_files_and_operators_take_turns() -> None:
    changed: Changed = {f"/app/{name}": (None, SOURCES[name]) for name in ("python.py", "data.py", "shell.py")}
    changed["/app/small.json"] = (None, b'{"a": 1}\n')
    found = mutants(changed, {}, 12)
    assert {item.path for item in found} == set(changed)
    assert max(Counter(item.path for item in found).values()) <= 4
    assert max(Counter(item.operator for item in found).values()) <= 2
    assert max(Counter((item.path, item.operator) for item in found).values()) == 1


@pytest.mark.parametrize(
    "content", [b"\0\1\2", b"caf\xe9 = 1\n", b"x = 1\n" * (LIMIT // 6 + 1)], ids=["binary", "not UTF-8", "large"]
)
def test_what_cannot_be_shown_is_left_alone(content: bytes) -> None:
    assert mutants({"/app/x.py": (None, content)}, {"m": content}, 9) == []
