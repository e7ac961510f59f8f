"""The kinds of files of a workspace, and the record that each must fit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from assay.model.base import Record

if TYPE_CHECKING:
    from assay.model.adjudication import Adjudication
    from assay.model.annotation import Annotation
    from assay.model.calibration import Calibration
    from assay.model.escalation import Escalation
    from assay.model.outcome import Proof, TestReport
    from assay.model.people import People
    from assay.model.reported import ReportedResults
    from assay.model.review import Review
    from assay.model.rubric import Rubric
    from assay.model.run import RecordedRun, Rerun
    from assay.model.sealed import Commitments, Opening
    from assay.model.seals import AnnotationReveal, AnnotationSeal
    from assay.model.session import Session
    from assay.model.settings import Settings
    from assay.model.task import TaskFile
    from assay.model.trajectory import Trajectory
    from assay.model.user import SimulatedUser

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """The record of a kind of file, `module.Class` in assay.model.

    It is imported when there is such a file: to make the classes costs a hook more than to read what they describe.
    """

    name: str

    @property
    def model(self) -> type[R]:
        """The class."""
        module, name = self.name.split(".")
        found: type[R] = getattr(import_module(f"assay.model.{module}"), name)
        return found


SETTINGS: Kind[Settings] = Kind("settings.Settings")
TASK: Kind[TaskFile] = Kind("task.TaskFile")
RUBRIC: Kind[Rubric] = Kind("rubric.Rubric")
USER: Kind[SimulatedUser] = Kind("user.SimulatedUser")
CALIBRATION: Kind[Calibration] = Kind("calibration.Calibration")
PROOF: Kind[Proof] = Kind("outcome.Proof")
TRAJECTORY: Kind[Trajectory] = Kind("trajectory.Trajectory")
SESSION: Kind[Session] = Kind("session.Session")
REPORT: Kind[TestReport] = Kind("outcome.TestReport")
COMMITMENTS: Kind[Commitments] = Kind("sealed.Commitments")
OPENING: Kind[Opening] = Kind("sealed.Opening")
REPORTED: Kind[ReportedResults] = Kind("reported.ReportedResults")
ANNOTATION: Kind[Annotation] = Kind("annotation.Annotation")
ESCALATION: Kind[Escalation] = Kind("escalation.Escalation")
SEAL: Kind[AnnotationSeal] = Kind("seals.AnnotationSeal")
REVEAL: Kind[AnnotationReveal] = Kind("seals.AnnotationReveal")
PEOPLE: Kind[People] = Kind("people.People")
RUN: Kind[RecordedRun] = Kind("run.RecordedRun")
RERUN: Kind[Rerun] = Kind("run.Rerun")
REVIEW: Kind[Review] = Kind("review.Review")
ADJUDICATION: Kind[Adjudication] = Kind("adjudication.Adjudication")
