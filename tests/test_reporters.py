"""Output formats: what a terminal, GitHub and a script get."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from sarif_pydantic import Sarif

from assay.diagnostics import Diagnostic, Severity
from assay.reporters import FORMATS, reporter
from assay.reporters.github import summary

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
    assert rows[1]["fingerprint"] == f"{rows[0]['fingerprint']}-2"
    assert rows[0]["fingerprint"] != rows[2]["fingerprint"]
    assert rows[0]["severity"] == "warning"


def test_github_gets_ten_of_each_severity_and_is_told_of_the_rest() -> None:
    many = [Diagnostic(f"{n:02}.yaml", 1, 1, "bad", "m", level) for n in range(12) for level in Severity]
    lines = reporter("github").render(many, "2 tasks").splitlines()
    assert [sum(line.startswith(f"::{word}") for line in lines) for word in ("error", "warning", "notice")] == [10] * 3
    assert lines[30] == "6 more are in the list below: GitHub shows 10 of each severity."
    assert len(lines) == 30 + 1 + len(many) + 1


def test_the_page_of_a_step_holds_what_fits_and_no_markup() -> None:
    nasty = Diagnostic("a.yaml", 1, 1, "bad", "found ```\n![x](https://example.org/x.png) <b>")
    page = summary([ERROR, nasty], "2 tasks")
    assert "\n````text\na.yaml:1:1: error bad: found ```\n![x](" in page
    assert page.endswith("\n````\n\n```text\nb,c:d.yaml:3:4: error bad: first\nsecond\n  hint: do this\n```\n")
    many = [Diagnostic(f"{n:04}.yaml", 1, 1, "bad", "ä" * 90) for n in range(500)]
    page = summary(many, "2 tasks", largest=20_000)
    shown = page.count("error bad")
    assert 60 < shown < 100
    assert len(page.encode()) <= 20_000
    assert page.endswith(f"\n{500 - shown} more do not fit here; the log of this step has them all.\n")


FOUND = st.builds(
    Diagnostic,
    st.text("aä b/:%", min_size=1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(["schema", "citation-quote", "unheard-of"]),
    st.text(),
    st.sampled_from(Severity),
    hint=st.text(max_size=9),
)


@settings(deadline=None)
@given(st.lists(FOUND, max_size=9), st.text())
def test_other_programs_can_read_whatever_was_found(found: list[Diagnostic], checked: str) -> None:
    (run,) = Sarif.model_validate_json(reporter("sarif").render(found, checked)).runs
    assert [item.rule_id for item in run.results or []] == [item.rule for item in found]
    assert {rule.id for rule in run.tool.driver.rules or []} == {item.rule for item in found}
    assert len({(item.partial_fingerprints or {})["assay/v1"] for item in run.results or []}) == len(found)
    rows = json.loads(reporter("rdjson").render(found, checked))["diagnostics"]
    assert [row["location"]["path"] for row in rows] == [item.path for item in found]
    issues = json.loads(reporter("codequality").render(found, checked))
    assert len({issue["fingerprint"] for issue in issues}) == len(found)
    suite = ElementTree.fromstring(reporter("junit").render(found, checked)).find("testsuite")
    assert suite is not None
    failed = {item.rule for item in found if item.severity is Severity.ERROR}
    assert suite.get("failures") == str(len(failed)) == str(len(suite.findall("testcase/failure")))


def test_sarif_names_places_from_the_workspace_and_explains_rules() -> None:
    log = json.loads(reporter("sarif").render([ERROR, Diagnostic("ä b.yaml", 2, 1, "schema", "m")], "2 tasks"))
    (run,) = log["runs"]
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "%C3%A4%20b.yaml", "uriBaseId": "WORKSPACE"}
    assert place["region"] == {"startLine": 2, "startColumn": 1}
    assert run["results"][0]["partialFingerprints"]["assay/v1"] == ERROR.fingerprint
    rules = run["tool"]["driver"]["rules"]
    assert rules[run["results"][1]["ruleIndex"]]["shortDescription"]["text"].endswith(".")


def test_every_format_has_a_reporter() -> None:
    assert all(reporter(name).render([ERROR], "x") for name in FORMATS)
