"""A data set read back: whether its files are whole, and the records that it was made from."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from assay.errors import UsageError
from assay.export.runs import Ran
from assay.export.table import SPLITS, Row
from assay.export.writing import FORMAT, MANIFEST
from assay.model.annotation import Annotation, Grade, IdentityGuess, Revision, TrajectoryGrades
from assay.model.rubric import Rubric
from assay.model.run import RecordedRun
from assay.model.trajectory import Trajectory


@dataclass(frozen=True)
class Records:
    """What a data set holds, as the records of a workspace."""

    rubrics: Mapping[str, Rubric]
    trajectories: Mapping[tuple[str, str], Trajectory]
    """By task and alias."""
    annotations: Mapping[tuple[str, str], Annotation]
    """By task and the annotator's name in the data set."""
    runs: Mapping[tuple[str, str, str], Ran]
    """By task, the annotator's name in the data set, and citation."""


def manifest_of(folder: Path) -> Mapping[str, Any]:
    """The manifest, once every file that it names is there with its digest. Raises UsageError otherwise."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digests = dict(content["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "name a folder that `assay export` made"
        raise UsageError("no-data-set", f"`{folder}` has no readable {MANIFEST}", hint) from error
    if content.get("format") != FORMAT:
        raise UsageError("data-set-format", f"{folder / MANIFEST}: format {content.get('format')} is not known here")
    for path, digest in digests.items():
        file = folder / path
        found = sha256(file.read_bytes()).hexdigest() if file.is_file() else None
        if found != digest:
            what = "has another digest than the manifest says" if found else "is missing"
            raise UsageError("data-set-changed", f"{file}: {what}", "export again, or fetch the data set again")
    found_more = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    if more := sorted(found_more - digests.keys() - {MANIFEST}):
        raise UsageError("data-set-changed", f"{folder / more[0]}: the manifest does not name it", "take it out")
    return dict(content)


def records(folder: Path) -> Records:
    """The records of a data set, from its JSON Lines."""
    annotations = {}
    grades, rationales = _by_annotation(folder, "rubric_grades"), _by_annotation(folder, "rationales")
    for row in _rows(folder, "rankings"):
        place = row["task"], row["annotator"]
        annotations[place] = _annotation(row, grades[place], rationales[place])
    return Records(
        {row["task"]: Rubric.model_validate_json(row["rubric"]) for row in _rows(folder, "tasks")},
        {
            (row["task"], row["alias"]): Trajectory.model_validate_json(row["atif"])
            for row in _rows(folder, "trajectories")
        },
        annotations,
        {
            (row["task"], row["annotator"], row["citation"]): Ran(
                RecordedRun.model_validate_json(row["record"]),
                row["citation"].removeprefix("run:"),
                row["stdout"],
                row["stderr"],
            )
            for row in _rows(folder, "verification_runs")
        },
    )


def _rows(folder: Path, table: str) -> Iterator[Row]:
    for split in SPLITS:
        file = folder / f"jsonl/{table}/{split}.jsonl"
        if file.is_file():
            with file.open(encoding="utf-8", newline="\n") as lines:
                yield from map(json.loads, lines)


def _by_annotation(folder: Path, table: str) -> Mapping[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _rows(folder, table):
        found[row["task"], row["annotator"]].append(row)
    return found


def _annotation(ranking: Row, grades: list[Row], rationales: list[Row]) -> Annotation:
    criteria: dict[str, dict[str, Grade]] = defaultdict(dict)
    for row in grades:
        holds = {"true": True, "false": False}.get(row["holds"], "unclear")
        criteria[row["alias"]][row["criterion"]] = Grade.model_validate(
            {"holds": holds, "cites": row["cites"], "note": row["note"]}
        )
    graded = {}
    for row in rationales:
        guess = row["identity_guess"]
        graded[row["alias"]] = TrajectoryGrades(
            rationale=row["rationale"],
            criteria=criteria[row["alias"]],
            identity_guess=IdentityGuess.model_validate_json(guess) if guess else None,
        )
    return Annotation(
        format=1,
        task=ranking["task"],
        annotator=ranking["annotator"],
        guidelines=ranking["guidelines"],
        rubric=ranking["rubric_blob"],
        order=ranking["order"],
        grades=graded,
        ranking=ranking["tiers"],
        comparison=ranking["comparison"],
        minutes=ranking["minutes"],
        revisions=[Revision.model_validate(item) for item in json.loads(ranking["revisions"])],
    )
