"""What scripts do about the reward: those that are right, and those that are wrong in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.audit.folder import TaskFolder
from assay.audit.rewards import reward_not_on_every_path, reward_path, reward_prewritten, reward_ungated

RULES = (reward_ungated, reward_not_on_every_path, reward_prewritten, reward_path)

RIGHT = {
    "cd-and": "cd /app && pytest /tests\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi",
    "condition-in-set-e": "set -e\nrun() { cd /tests; pytest; }\nif run; then echo 1 > R; else echo 0 > R; fi",
    "function-status": "run() { pytest; }\nrun\nrc=$?\n[ $rc = 0 ] && echo 1 > R || echo 0 > R",
    "log-and-status": "exec > >(tee log) 2>&1\npytest\nif [ $? = 0 ]; then echo 1 > R; else echo 0 > R; fi",
    "either": "set -e\npytest && r=1 || r=0\necho $r > R",
    "exit-kept": "set -e\nrc=0\npytest || rc=$?\nif [ $rc -le 1 ]; then echo $((1 - rc)) > R; fi",
    "if": "if pytest /tests/t.py; then echo 1 > R; else echo 0 > R; fi",
    "status": "pytest /tests\nif [ $? -eq 0 ]; then\n echo 1 > R\nelse\n echo 0 > R\nfi",
    "case": "pytest /tests\ns=$?\nfoo\ncase $s in 0) echo 1 > R;; 1) echo 0 > R;; esac\nexit $s",
    "var": "REWARD=0\nif pytest /tests; then REWARD=1; fi\necho $REWARD > R",
    "var2": 'set +e\npytest /tests\nrc=$?\nset -e\nif [[ "$rc" -ne 0 ]]; then echo 0 > R; else echo 1 > R; fi',
    "fail": (
        'fail() { echo "$1"; echo 0 > R; exit 0; }\n[ -f /app/x ] || fail no\n'
        "diff /app/x /tests/y || fail diff\necho 1 > R"
    ),
    "trap": "set -e\ntrap '[ -f R ] || echo 0 > R' EXIT\npytest /tests\necho 1 > R",
    "arith": "pytest /tests; echo $((1-$?)) > R",
    "pipefail": "set -euo pipefail\nif pytest /tests | tee log; then echo 1 > R; else echo 0 > R; fi",
    "pipestatus": "pytest /tests | tee log\nif [ ${PIPESTATUS[0]} -eq 0 ]; then echo 1 > R; else echo 0 > R; fi",
    "loop": "pass=1\nfor f in /tests/*.sh; do bash $f || pass=0; done\necho $pass > R",
    "cwd": (
        'if [ "$PWD" = "/" ]; then\n echo err\n exit 1\n'
        "fi\nuvx -p 3.13 -w pytest==8.4.1 pytest --ctrf /logs/verifier/ctrf.json /tests/test_outputs.py "
        "-rA\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"
    ),
    "grep": "pytest /tests > log 2>&1\nif grep -q passed log; then echo 1 > R; else echo 0 > R; fi",
    "and-or": "pytest /tests && echo 1 > R || echo 0 > R",
    "group": "{ if pytest /tests; then echo 1 > R; else echo 0 > R; fi; } 2>&1 | tee log",
    "fn": "run() { pytest /tests; }\nif run; then echo 1 > R; else echo 0 > R; fi",
    "fnret": "run() { pytest /tests || return 1; return 0; }\nif run; then echo 1 > R; else echo 0 > R; fi",
    "arr": (
        "failed=0\npytest /tests/a || failed=1\n"
        "pytest /tests/b || failed=1\nif [ $failed -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"
    ),
    "json": "pytest /tests && s=1 || s=0\nprintf '{\"reward\": %s}' $s > /logs/verifier/reward.json",
    "tee": "if pytest /tests; then echo 1 | tee R; else echo 0 | tee R; fi",
    "empty": 'FAILED=\npytest /tests || FAILED=yes\nif [ -z "$FAILED" ]; then echo 1 > R; else echo 0 > R; fi',
    "score": "score=0\n[ -f /app/a ] && score=$((score+1))\necho $score > R",
    "mktemp": (
        "if pytest /tests; then echo 1 > /tmp/reward.txt; else echo 0 > /tmp/reward.txt; fi\nmv /tmp/reward.txt R"
    ),
    "exit": "if ! pytest /tests; then echo 0 > R; exit 0; fi\necho 1 > R",
    "diri": (
        "D=/logs/verifier\nmkdir -p $D\nif pytest /tests; then echo 1 > $D/reward.txt; else echo 0 > $D/reward.txt; fi"
    ),
    "paren": "pytest /tests; rc=$?\nif (( rc == 0 )); then echo 1 > R; else echo 0 > R; fi",
    "out": "out=$(pytest /tests 2>&1)\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi",
    "infra": (
        "set -e\ncd /tests\n[ -d /app ] || exit 1\n"
        "set +e\npytest /tests\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"
    ),
    "nested-run": "if cd /tests && pytest; then echo 1 > R; else echo 0 > R; fi",
    "elif": "pytest /tests\nrc=$?\nif [ $rc -eq 0 ]; then echo 1 > R\nelif [ $rc -eq 1 ]; then echo 0 > R\nfi",
    "function-writes": "grade() { if pytest /tests; then echo 1 > R; else echo 0 > R; fi; }\ngrade",
    "guarded-start": "cd /tests || exit 1\npytest && echo 1 > R || echo 0 > R",
    "until": (
        "n=0\n"
        "until curl -f http://127.0.0.1/; do n=$((n+1)); [ $n -gt 9 ] && exit 1; sleep 1; done\nif pytest; "
        "then echo 1 > R; else echo 0 > R; fi"
    ),
}
WRONG = [
    ("reward-not-on-every-path", "set -e\ncd /tests && pytest\necho 1 > R"),
    ("reward-not-on-every-path", "set -e\nmain() { pytest /tests; echo 1 > R; }\nmain"),
    ("reward-ungated", "main() { pytest /tests; echo 1 > R; }\nmain"),
    ("reward-ungated", "pytest | tee log\ncase $? in 0) echo 1 > R;; *) echo 0 > R;; esac"),
    ("reward-ungated", "run() { pytest | tee log; }\nif run; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "pytest /tests\necho 1 > R"),
    ("reward-ungated", "pytest /tests || true\necho 1 > R"),
    ("reward-ungated", "pytest /tests || true\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "pytest /tests | tee log\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "if pytest /tests 2>&1 | tee log; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "pytest /tests\necho done\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "set +e\npytest /tests\nset -e\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-ungated", "if pytest /tests; then echo 1 > R; else echo 1 > R; fi"),
    ("reward-ungated", "echo 1 > R\npytest /tests || echo 0 > R"),
    ("reward-ungated", "pytest /tests; true; rc=$?\nif [ $rc -eq 0 ]; then echo 1 > R; else echo 0 > R; fi"),
    ("reward-not-on-every-path", "set -e\npytest /tests\necho 1 > R"),
    (
        "reward-not-on-every-path",
        "set -euo pipefail\npytest /tests\nif [ $? -eq 0 ]; then echo 1 > R; else echo 0 > R; fi",
    ),
    ("reward-not-on-every-path", "pytest /tests && echo 1 > R"),
    ("reward-not-on-every-path", "if pytest /tests; then\n echo 1 > R\nfi"),
    ("reward-not-on-every-path", "pytest /tests || exit 1\necho 1 > R"),
    ("reward-not-on-every-path", "if grep -q ok /app/o; then echo 1 > R; fi"),
    ("reward-not-on-every-path", "pytest /tests"),
    ("reward-path", "if pytest /tests; then echo 1 > /logs/reward.txt; else echo 0 > /logs/reward.txt; fi"),
    ("reward-prewritten", "echo 0 > R\nif pytest /tests; then echo 1 > R; fi"),
]


def found(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "tests").mkdir()
    (tmp_path / "task.toml").touch()
    text = "#!/bin/bash\n" + text.replace(" R", " /logs/verifier/reward.txt")
    (tmp_path / "tests/test.sh").write_text(text, encoding="utf-8")
    folder = TaskFolder(tmp_path)
    return [item.rule for check in RULES for item in check(folder)]


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_left_alone(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == []


@pytest.mark.parametrize(("rule", "text"), WRONG)
def test_what_is_wrong_is_found_once(tmp_path: Path, rule: str, text: str) -> None:
    assert found(tmp_path, text) == [rule]


def test_a_script_with_too_many_paths_gives_no_finding(tmp_path: Path) -> None:
    text = "".join(f"if a{n}; then x{n}=1; else x{n}=0; fi\n" for n in range(12))
    assert found(tmp_path, f"{text}pytest /tests && echo 1 > R || echo 0 > R") == []
