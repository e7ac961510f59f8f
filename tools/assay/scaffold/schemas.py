"""JSON Schemas, generated from the records, for editors and for other people's tools."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from assay.model.adjudication import Adjudication
from assay.model.annotation import Annotation
from assay.model.attempt import AttemptScript
from assay.model.calibration import Calibration
from assay.model.escalation import Escalation
from assay.model.gold import GoldAnswers, GoldPromise
from assay.model.outcome import Proof, TestReport
from assay.model.people import People
from assay.model.reported import ReportedResults
from assay.model.review import Review
from assay.model.rubric import Rubric
from assay.model.run import RecordedRun
from assay.model.sealed import Commitments, Opening
from assay.model.seals import AnnotationReveal, AnnotationSeal
from assay.model.session import Session
from assay.model.settings import Settings
from assay.model.task import TaskFile
from assay.model.trajectory import Trajectory
from assay.model.user import SimulatedUser

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUFFIX = ".schema.json"

MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "adjudication": (Adjudication, "annotations/<task>/adjudication.yaml"),
    "annotation": (Annotation, "annotations/<task>/<annotator>.yaml"),
    "attempt": (AttemptScript, "the script that `assay record --script` plays"),
    "calibration": (Calibration, "tasks/<task>/calibration.json"),
    "commitments": (Commitments, "trajectories/<task>/commitments.json"),
    "escalation": (Escalation, "annotations/<task>/escalations/<slug>.yaml"),
    "gold": (GoldAnswers, ".assay/gold/<task>.yaml"),
    "gold-promise": (GoldPromise, "annotations/gold.json"),
    "opening": (Opening, "trajectories/<task>/opening.json"),
    "people": (People, "annotations/people.yaml"),
    "replay": (Proof, "replay.json, the evidence of `assay replay`"),
    "report": (TestReport, "trajectories/<task>/<alias>/tests/<milestone>.json"),
    "reported": (ReportedResults, "trajectories/<task>/reported.json"),
    "reveal": (AnnotationReveal, "annotations/<task>/<annotator>.reveal.json"),
    "review": (Review, "annotations/<task>/reviews/<reviewer>.yaml"),
    "rubric": (Rubric, "tasks/<task>/rubric.yaml"),
    "run": (RecordedRun, "annotations/<task>/evidence/<annotator>/<NN>.json"),
    "seal": (AnnotationSeal, "annotations/<task>/<annotator>.seal.json"),
    "session": (Session, "trajectories/<task>/<alias>/session.json"),
    "settings": (Settings, "assay.toml"),
    "task": (TaskFile, "tasks/<task>/task.toml"),
    "trajectory": (Trajectory, "trajectories/<task>/<alias>/trajectory.json"),
    "user": (SimulatedUser, "tasks/<task>/user.yaml"),
}
"""Schema name -> the record and the file it describes."""


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles pydantic makes from field names: an editor would show them instead of the description."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def schema_texts() -> Mapping[str, str]:
    """File name -> text of every schema (draft 2020-12), the same bytes on every machine."""
    return {f"{name}{SUFFIX}": _text(name, model, file) for name, (model, file) in MODELS.items()}


def stale(folder: Path) -> list[str]:
    """Names of our schema files that are missing in `folder` or differ from the records; others are left alone."""
    return [name for name, text in schema_texts().items() if _content(folder / name) != text]


def write(folder: Path) -> list[str]:
    """Bring `folder` up to date and return the names of the files that changed."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (folder / name).write_text(schema_texts()[name], encoding="utf-8")
    return changed


def _content(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _text(name: str, model: type[BaseModel], file: str) -> str:
    schema = model.model_json_schema(schema_generator=_Untitled)
    head = {
        "$schema": DIALECT,
        "$id": f"urn:assay:schema:{name}:v1",
        "title": f"Assay {name}: {file}",
        "description": inspect.getdoc(model),
    }
    return json.dumps({**schema, **head}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
