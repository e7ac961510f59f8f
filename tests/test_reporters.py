"""Output formats: what a terminal, GitHub and a script get."""

from __future__ import annotations

import json

from assay.diagnostics import Diagnostic, Severity
from assay.reporters import FORMATS, reporter

WARNING = Diagnostic("a.yaml", 1, 2, "weak", "50% sure: a, b", Severity.WARNING)
ERROR = Diagnostic("b,c:d.yaml", 3, 4, "bad", "first\nsecond", Severity.ERROR, hint="do this")


def test_text_is_one_line_a_place_and_one_line_to_sum_up() -> None:
    out = reporter("text").render([WARNING, ERROR], "2 tasks")
    assert out.splitlines() == [
        "a.yaml:1:2: warning weak: 50% sure: a, b",
        "b,c:d.yaml:3:4: error bad: first",
        "second",
        "  hint: do this",
        "2 tasks: 1 error, 1 warning. `assay explain RULE` says more about a rule.",
    ]


def test_nothing_to_report_is_said_in_every_format() -> None:
    assert reporter("text").render([], "2 tasks") == "2 tasks: no problems."
    assert reporter("github").render([], "2 tasks") == "2 tasks: no problems."
    assert json.loads(reporter("json").render([], "2 tasks")) == {"checked": "2 tasks", "diagnostics": []}


def test_github_puts_errors_first_and_escapes_as_the_runner_unescapes() -> None:
    lines = reporter("github").render([WARNING, ERROR], "2 tasks").splitlines()
    assert lines[0] == "::error file=b%2Cc%3Ad.yaml,line=3,col=4,title=bad::first%0Asecond%0Ado this"
    assert lines[1] == "::warning file=a.yaml,line=1,col=2,title=weak::50%25 sure: a, b"


def test_json_rows_keep_a_fingerprint_that_ignores_lines() -> None:
    moved = Diagnostic("a.yaml", 9, 9, "weak", "50% sure: a, b", Severity.WARNING)
    rows = json.loads(reporter("json").render([WARNING, moved, ERROR], ""))["diagnostics"]
    assert rows[0]["fingerprint"] == rows[1]["fingerprint"] != rows[2]["fingerprint"]
    assert rows[0]["severity"] == "warning"


def test_every_format_has_a_reporter() -> None:
    assert all(reporter(name).render([ERROR], "x") for name in FORMATS)
