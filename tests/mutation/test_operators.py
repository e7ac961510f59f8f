"""What each operator makes of a line, and what no operator touches."""

from __future__ import annotations

import json

import pytest

from assay.mutation import mutants

TABLE = "id,name,amount\n1,ann,10.50\n2,bob,7\n"


def made(path: str, text: str, before: str | None = None) -> set[tuple[str, str]]:
    """Operator and what stands in place of the changed lines, stripped and joined."""
    old = None if before is None else before.encode()
    found = mutants({path: (old, text.encode())}, {}, 999)
    return {(item.operator, added(item.diff)) for item in found}


def added(diff: str) -> str:
    lines = diff.splitlines()[3:]
    return " / ".join(line[1:].strip() for line in lines if line[0] == "+")


@pytest.mark.parametrize(
    ("source", "operator", "expected"),
    [
        ("y = a + b", "arithmetic-swap", "y = a - b"),
        ("y = (a) * (b)", "arithmetic-swap", "y = (a) // (b)"),
        ("y += b", "arithmetic-swap", "y -= b"),
        ("y = a - b", "swap-operands", "y = b - a"),
        ("y = a < b", "compare-swap", "y = a <= b"),
        ("y = a not in b", "compare-swap", "y = a in b"),
        ("y = a and b and c", "boolean-swap", "y = a and b or c"),
        ("if a < b: f()", "negate-condition", "if not (a < b): f()"),
        ("if not a: f()", "negate-condition", "if a: f()"),
        ("y = [a for a in b if a]", "negate-condition", "y = [a for a in b if not a]"),
        ("if a: f()", "drop-branch", "if False: f()"),
        ("while a: f()", "drop-loop", "while False: f()"),
        ("for a in b: f()", "drop-loop", "for a in (): f()"),
        ("for a in b: break", "loop-swap", "for a in b: continue"),
        ("with lock: f()", "drop-with", "if True: f()"),
        ("def f(): return a.b", "drop-return", "def f(): return None"),
        ("try: f()\nexcept E: g()", "drop-handler", "except E: raise"),
        ("def f(): a.b = 1; g()", "drop-statement", "def f(): pass; g()"),
        ("f(1)", "drop-statement", "pass"),
        ("y = 0x10", "number-change", "y = 17"),
        ("y = True", "flip-constant", "y = False"),
        ('y = f(b"k")', "empty-string", 'y = f(b"")'),
        ("f(a, b)", "swap-arguments", "f(b, a)"),
        ("y = range(a, len(b))", "range-off-by-one", "y = range(a, len(b) - 1)"),
        ("y = sorted(a, key=k)", "call-to-operand", "y = a"),
        ("y = a.b.strip()", "call-to-operand", "y = a.b"),
        ("y = 'é' + a; z = a / b  # ü", "arithmetic-swap", "y = 'é' + a; z = a * b  # ü"),
    ],
)
def test_python(source: str, operator: str, expected: str) -> None:
    assert (operator, expected) in made("/app/x.py", f"{source}\n")


def test_a_decorator_is_dropped_with_its_line() -> None:
    diff = mutants({"/x.py": (None, b"@timed\ndef f(): ...\n")}, {}, 9)[0].diff
    assert "\n-@timed\n def f" in diff


@pytest.mark.parametrize(
    "source",
    [
        '"""Text."""',
        "def f(a: int = None) -> 'str':\n    'Text.'",
        "if __name__ == '__main__':\n    main(1 + 2)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a",
        "print('a', 1 + 2)",
        "log.info('a %d', 1)",
        "logger = getLogger('a')",
        "__all__ = ['a']",
        "assert a < b, 'why'",
        "TIMEOUT_SECONDS = 5",
        "time.sleep(3)",
        "y = f(help='text', timeout=4, encoding='utf-8')",
        "@property\ndef f(): ...",
        "y = isinstance(a, b)",
        "y = f'{a + 1}'",
        "while a:",
    ],
)
def test_python_left_alone(source: str) -> None:
    assert {pair for pair in made("/app/x.py", f"{source}\n") if pair[0] != "drop-statement"} == set()


def test_only_what_the_reference_changed_is_touched() -> None:
    before = "def f(a):\n    if a > 1:\n        return a + 1\n"
    after = "def f(a):\n    if a > 1:\n        with lock:\n            return a + 1\n    return a - 2\n"
    found = mutants({"/app/x.py": (before.encode(), after.encode())}, {}, 99)
    assert {item.line for item in found} == {3, 5}, "a new indentation is no change"


def test_json() -> None:
    text = '{\n  "a": [1, 2.50],\n  "b": {"é": false}\n}\n'
    found = mutants({"/o.json": (None, text.encode())}, {}, 99)
    assert {(item.operator, json.dumps(json.loads(item.content), ensure_ascii=False)) for item in found} == {
        ("drop-key", '{"b": {"é": false}}'),
        ("drop-key", '{"a": [1, 2.5]}'),
        ("drop-key", '{"a": [1, 2.5], "b": {}}'),
        ("rename-key", '{"a_x": [1, 2.5], "b": {"é": false}}'),
        ("rename-key", '{"a": [1, 2.5], "b_x": {"é": false}}'),
        ("rename-key", '{"a": [1, 2.5], "b": {"é_x": false}}'),
        ("number-change", '{"a": [2, 2.5], "b": {"é": false}}'),
        ("number-change", '{"a": [1, 2.52], "b": {"é": false}}'),
        ("drop-item", '{"a": [2.5], "b": {"é": false}}'),
        ("drop-item", '{"a": [1], "b": {"é": false}}'),
        ("reverse-list", '{"a": [2.5, 1], "b": {"é": false}}'),
        ("empty-list", '{"a": [], "b": {"é": false}}'),
        ("flip-constant", '{"a": [1, 2.5], "b": {"é": true}}'),
    }


def test_other_data() -> None:
    assert made("/o.csv", TABLE) == {
        ("drop-row", ""),
        ("number-change", "2,ann,10.50"),
        ("number-change", "1,ann,10.60"),
        ("number-change", "3,bob,7"),
        ("number-change", "2,bob,8"),
        ("swap-columns", "ann,1,10.50 / bob,2,7"),
        ("swap-columns", "1,10.50,ann / 2,7,bob"),
    }
    assert ("drop-row", "") in made("/o.jsonl", '{"a": 1}\n{"a": 2}\n')
    assert made("/out.txt", "x 42\n", "x 41\n") == {
        ("drop-line", ""),
        ("number-change", "x 43"),
        ("revert-change", "x 41"),
    }
    assert made("/Makefile", "a:\n\ttimeout 10 ./b\n", "a:\n\t./b\n") == {("drop-line", ""), ("revert-change", "./b")}


def test_braces() -> None:
    text = "int f(int a)\n{\n\tint b = g(a); /* a < b */\n\tif (a < b && !b)\n\t\tq->n++;\n"
    text += '\tb = a + 1;\n\tputs("a < b");\n}\n'
    assert made("/src/f.c", text) == {
        ("negate-condition", "if (!(a < b && !b))"),
        ("compare-swap", "if (a <= b && !b)"),
        ("boolean-swap", "if (a < b || !b)"),
        ("arithmetic-swap", "b = a - 1;"),
        ("drop-statement", ";"),
    }


SOLVE = """\
#!/bin/bash
set -euo pipefail
cd /app
sort -u in.txt | grep -v '#' > a.txt
cat > run.py <<'EOF'
print(1 < 2) | x > y
EOF
cut -d, -f2 b.csv >> b.txt 2>/dev/null
make check > /dev/null
"""


def test_shell() -> None:
    found = mutants({}, {"first": SOLVE.encode()}, 99)
    assert {(item.target, item.milestone, item.path) for item in found} == {("solution", "first", "solve.sh")}
    assert {(item.operator, added(item.diff)) for item in found if item.operator != "swap-outputs"} == {
        ("append-swap", "sort -u in.txt | grep -v '#' >> a.txt"),
        ("append-swap", "cat >> run.py <<'EOF'"),
        ("append-swap", "cut -d, -f2 b.csv > b.txt 2>/dev/null"),
        ("drop-stage", "sort -u in.txt > a.txt"),
        ("drop-flag", "sort in.txt | grep -v '#' > a.txt"),
        ("drop-flag", "sort -u in.txt | grep '#' > a.txt"),
        ("drop-flag", "cut -d, b.csv >> b.txt 2>/dev/null"),
        ("empty-output", ": > a.txt"),
        ("empty-output", ": >> b.txt 2>/dev/null"),
        ("drop-command", ":"),
    }
    swapped = [item for item in found if item.operator == "swap-outputs"]
    assert [item.content.decode().count("run.py") for item in swapped] == [1, 1]
    assert all(b"print(1 < 2) | x > y" in item.content for item in found), "what it writes is mutated in the result"


def test_a_solution_that_only_copies_has_no_mutant() -> None:
    """Without its only command it is no solution, which the ladder tests; a tree without flags does not copy."""
    assert mutants({}, {"first": b"#!/bin/bash\nset -e\ncp -R /solution/files/. /app/\n"}, 9) == []
    assert mutants({}, {"first": b"if then fi |\n"}, 9) == []
