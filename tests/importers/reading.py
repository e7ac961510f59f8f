"""What the importer tests share."""

from __future__ import annotations

from pathlib import Path

from assay.documents import parse
from assay.importers import Imported, registry
from assay.model.trajectory import Trajectory
from assay.storage import as_json

FIXTURES = Path(__file__).parent / "fixtures"
LOGS = ("opencode", "atif-1.2", "atif-1.8")


def imported(name: str) -> Imported:
    """A fixture, read by the importer that knows its content."""
    return registry().read(FIXTURES / f"{name}.json")[1]


def written(log: Imported) -> str:
    """The trajectory as the command writes it."""
    return as_json(log.trajectory, nulls=False).decode()


def readable(text: str) -> Trajectory:
    """What a reader of the workspace makes of a written trajectory; it must raise no diagnostic."""
    document, found = parse(text, "trajectory.json")
    assert document is not None, found
    assert found == []
    return Trajectory.model_validate(document.data)
