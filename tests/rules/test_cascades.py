"""One defect is one diagnostic: what follows from a file that is broken or gone is not reported as well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.rules import run
from assay.workspace import load
from tests.rules.overlay import BASE, build, edit, fill
from tests.rules.test_rules import rendered

SHEET = "annotations/row-merge/rater-1.yaml"
TASK = "tasks/row-merge"
ATTEMPT = "trajectories/row-merge/calm-heron"


def lines_after(root: Path, change: Callable[[Path], object]) -> list[str]:
    """`path:line:column rule` of every finding after `change`, on a workspace whose digests are in order."""
    build(root)
    change(root)
    return [f"{item.path}:{item.line}:{item.column} {item.rule}" for item in run(load(root))]


def overwrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda root: edit(root / name, f"{old}\n====\n{new}")


DEFECTS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "task file is broken": (
        overwrite(f"{TASK}/task.toml", "[metadata]", "[metadata"),
        [f"{TASK}/task.toml:4:10 document-syntax"],
    ),
    "rubric is broken": (
        overwrite(f"{TASK}/rubric.yaml", "axis: style", "axis: styles"),
        [f"{TASK}/rubric.yaml:25:11 schema"],
    ),
    "trajectory is no JSON": (
        lambda root: (root / ATTEMPT / "trajectory.json").write_text("{"),
        [f"{ATTEMPT}/session.json:43:19 session-subject-digest", f"{ATTEMPT}/trajectory.json:1:2 document-syntax"],
    ),
    "people are broken": (
        lambda root: (root / "annotations/people.yaml").write_text("format: 2\npeople: []\n"),
        ["annotations/people.yaml:1:9 schema"],
    ),
    "people are missing": (
        lambda root: (root / "annotations/people.yaml").unlink(),
        ["annotations/people.yaml:1:1 unknown-annotator"],
    ),
    "task folder is renamed": (
        lambda root: (root / TASK).rename(root / "tasks/rows"),
        ["tasks/rows/task.toml:12:8 id-matches-folder"],
    ),
    "annotation folder is renamed": (
        lambda root: (root / "annotations/row-merge").rename(root / "annotations/rows"),
        ["annotations/rows/rater-1.yaml:2:7 id-matches-folder"],
    ),
    "trajectories folder is renamed": (
        lambda root: (root / "trajectories/row-merge").rename(root / "trajectories/rows"),
        [
            "annotations/row-merge/rater-1.yaml:7:1 annotation-unknown-trajectory",
            "trajectories/rows/brisk-otter/trajectory.json:1:1 unknown-task",
        ],
    ),
    "annotation file is renamed": (
        lambda root: (root / SHEET).rename(root / "annotations/row-merge/rater-9.yaml"),
        ["annotations/row-merge/rater-9.yaml:3:12 id-matches-folder"],
    ),
    "annotation file has an odd name": (
        lambda root: (root / SHEET).rename(root / "annotations/row-merge/Rater_1.yaml"),
        [
            "annotations/row-merge/Rater_1.yaml:1:1 id-matches-folder",
            "annotations/row-merge/Rater_1.yaml:3:12 id-matches-folder",
        ],
    ),
    "trajectory is deleted": (
        lambda root: shutil.rmtree(root / ATTEMPT),
        [f"{SHEET}:18:3 annotation-unknown-trajectory"],
    ),
    "session is deleted": (
        lambda root: (root / ATTEMPT / "session.json").unlink(),
        [f"{ATTEMPT}/trajectory.json:1:1 trajectory-incomplete"],
    ),
    "session is broken": (
        overwrite(f"{ATTEMPT}/session.json", '"privileged": false', '"privileged": "no"'),
        [f"{ATTEMPT}/session.json:63:21 schema"],
    ),
    "test report is deleted": (
        lambda root: (root / ATTEMPT / "tests/keep-order.json").unlink(),
        [f"{ATTEMPT}/trajectory.json:1:1 trajectory-incomplete"],
    ),
    "final patch is deleted": (
        lambda root: (root / ATTEMPT / "patches/keep-order.patch").unlink(),
        [f"{ATTEMPT}/trajectory.json:1:1 trajectory-incomplete"],
    ),
    "log is edited": (
        lambda root: (root / ATTEMPT / "tests/keep-order.log").write_text("1 passed\n"),
        [f"{ATTEMPT}/tests/keep-order.json:18:17 report-log-digest"],
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_one_defect_is_reported_where_it_is(defect: str, tmp_path: Path) -> None:
    change, expected = DEFECTS[defect]
    assert lines_after(tmp_path, change) == expected


def cut_step(root: Path, number: int, *, renumber: bool) -> None:
    file = root / ATTEMPT / "trajectory.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    del data["steps"][number - 1]
    if renumber:
        for place, step in enumerate(data["steps"], 1):
            step["step_id"] = place
    file.write_text(json.dumps(data, indent=2), encoding="utf-8")


def test_a_cited_step_that_is_deleted_is_reported_at_every_citation(tmp_path: Path) -> None:
    found = lines_after(tmp_path, lambda root: cut_step(root, 5, renumber=False))
    assert found == [
        f"{SHEET}:21:37 citation-unresolved",
        f"{SHEET}:30:14 citation-unresolved",
        f"{SHEET}:35:3 citation-unresolved",
        f"{ATTEMPT}/session.json:43:19 session-subject-digest",
    ]


def test_a_step_that_is_cut_out_of_the_middle_is_reported_where_it_is_cited(tmp_path: Path) -> None:
    build(tmp_path)
    edit(tmp_path / SHEET, 'cites: ["file:src/rank.py#L1-L2"]\n====\ncites: ["step:3", "step:4"]')
    cut_step(tmp_path, 3, renumber=False)
    found = [f"{item.path}:{item.line} {item.rule}" for item in run(load(tmp_path))]
    assert found == [
        f"{SHEET}:25 citation-unresolved",
        f"{ATTEMPT}/session.json:43 session-subject-digest",
        f"{ATTEMPT}/trajectory.json:1 schema",
    ]


def test_steps_that_move_up_leave_their_quotes_behind(tmp_path: Path) -> None:
    found = lines_after(tmp_path, lambda root: cut_step(root, 2, renumber=True))
    assert [line for line in found if "citation" in line] == [
        f"{SHEET}:21:37 citation-unresolved",
        f"{SHEET}:30:14 citation-unresolved",
        f"{SHEET}:35:3 citation-unresolved",
    ]


def test_an_attempt_that_stopped_early_is_complete(tmp_path: Path) -> None:
    def stop(root: Path) -> None:
        (root / ATTEMPT / "patches/keep-order.patch").unlink()
        session = root / ATTEMPT / "session.json"
        data = json.loads(session.read_text(encoding="utf-8"))
        data["subject"] = [item for item in data["subject"] if item["name"] != "patches/keep-order.patch"]
        session.write_text(json.dumps(data), encoding="utf-8")
        edit(root / SHEET, '[diff:src/rank.py "key=lambda row: row.score"]\n====\n[diff:src/rank.py "[*left, *right]"]')

    assert lines_after(tmp_path, stop) == [f"{SHEET}:20:27 citation-weak-quote"]


def test_the_policy_sets_severities(tmp_path: Path) -> None:
    def demote(root: Path) -> None:
        (root / "assay.toml").write_text('format = 1\n[rules]\ncitation-quote = "note"\nrubric-axes = "off"\n')
        edit(root / SHEET, '"4 passed in 0.31s"].\n====\n"9 passed in 0.31s"].')
        edit(root / f"{TASK}/rubric.yaml", "axis: style\n====\naxis: behaviour")

    build(tmp_path)
    demote(tmp_path)
    fill(tmp_path)
    found = {(item.rule, item.severity.value) for item in run(load(tmp_path))}
    assert found == {("citation-quote", "note"), ("rubric-version", "warning")}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (None, "must be a readable file; no such file or directory"),
        ("[", "expecting value"),
        ('{"type": "objekt"}', "'objekt' is not valid under any of the given schemas"),
    ],
)
def test_an_unusable_metadata_schema_is_one_finding(schema: str | None, reason: str, tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "assay.toml").write_text('format = 1\n\n[metadata]\nschema = "extra.json"\n')
    if schema is not None:
        (tmp_path / "extra.json").write_text(schema)
    found = run(load(tmp_path))
    assert [(item.path, item.line, item.rule) for item in found] == [("assay.toml", 4, "metadata-schema")]
    assert reason in found[0].message.lower()


def test_a_metadata_schema_reaches_no_other_file(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "assay.toml").write_text('format = 1\n\n[metadata]\nschema = "extra.json"\n')
    (tmp_path / "extra.json").write_text('{"$ref": "https://localhost:1/schema.json"}')
    found = run(load(tmp_path))
    assert [(item.path, item.line, item.rule) for item in found] == [(f"{TASK}/task.toml", 4, "metadata-schema")]
    assert "refers to what is not in it" in found[0].message


TEN = {
    "rater-1": ("minutes: 12", "minutes: 12\nminutes: 14"),
    "rater-2": ("hides-failure: {holds: false", "hides-failure: {holds: no"),
    "rater-3": ("keeps-order: {holds: true", "keep-order: {holds: true"),
    "rater-4": ("ranking: [[brisk-otter], [calm-heron]]", "ranking: [[brisk-otter]]"),
    "rater-5": ("annotator: rater-5", "annotator: rater-6"),
    "rater-6": ('row.score"], so', 'row.rank"], so'),
    "rater-7": ('hides-failure: {holds: false, cites: ["step:5"]}', 'hides-failure: {holds: false, cites: ["step:9"]}'),
    "rater-8": ('[step:3.c1 "4 passed in 0.31s"].', '[step:3.c1 "4 passed in 0.31s].'),
    "rater-9": ("keeps-order: {holds: false", "keeps-order: {holds: true"),
    "rater-10": ('hides-failure: {holds: false, cites: ["step:5"]}', "hides-failure: {holds: unclear}"),
}

REPORT = """\
annotations/row-merge/rater-1.yaml:37:1: error yaml-duplicate-key: keys must be unique, found `minutes` again; \
the first is on line 36
  hint: keep one of them
annotations/row-merge/rater-10.yaml:17:30: error grade-unclear-reason: `unclear` needs a `note` that says what is \
missing
annotations/row-merge/rater-2.yaml:17:30: error yaml-ambiguous: unquoted `no` is true or false to some YAML readers \
and text to others
  hint: write `true` or `false`, or quote it: "no"
annotations/row-merge/rater-3.yaml:14:7: error annotation-unknown-criterion: the rubric of `row-merge` has no \
criterion `keep-order`
  hint: did you mean `keeps-order`?
annotations/row-merge/rater-4.yaml:32:10: error ranking-incomplete: `ranking` must place every trajectory; \
`calm-heron` is missing
annotations/row-merge/rater-5.yaml:3:12: error id-matches-folder: `annotator` must be what the path says, `rater-5`; \
found `rater-6`
  hint: change the line or rename the file
annotations/row-merge/rater-6.yaml:20:27: error citation-quote: quote not found in `diff:src/rank.py`: \
"key=lambda row: row.rank"
  hint: the place agrees up to "key=lambda row:", then it says "row.score)"
annotations/row-merge/rater-7.yaml:17:46: error citation-unresolved: `step:9`: there is no step 9; `brisk-otter` has \
5 steps
annotations/row-merge/rater-8.yaml:11:18: error citation-malformed: `[step:3.c1 "4 passed in 0.31s]` cannot be read; \
the quote is not closed
annotations/row-merge/rater-9.yaml:24:28: error grade-contradicts-test: `keep-order/test_ties` failed, so \
`keeps-order` must be false
  hint: correct `holds`, or say in `note` why the test does not decide here
"""


def test_ten_broken_files_give_ten_findings_in_one_run(tmp_path: Path) -> None:
    build(tmp_path)
    people = "".join(f"  - {{handle: {handle}, roles: [annotator]}}\n" for handle in TEN)
    (tmp_path / "annotations/people.yaml").write_text(f"format: 1\npeople:\n{people}")
    sheet = (BASE / SHEET).read_text(encoding="utf-8")
    for handle, (old, new) in TEN.items():
        file = tmp_path / f"annotations/row-merge/{handle}.yaml"
        file.write_text(sheet.replace("annotator: rater-1", f"annotator: {handle}"), encoding="utf-8")
        edit(file, f"{old}\n====\n{new}")
    fill(tmp_path)
    found = run(load(tmp_path))
    assert rendered(found) == REPORT
    assert len(found) == 10
