"""What the importer tests share. `python -m tests.importers.reading` writes the expected files anew: read the diff."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from assay.documents import parse
from assay.importers import Imported, registry
from assay.model.trajectory import Trajectory
from assay.storage import as_json

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = ".expected.json"


def _cases() -> dict[str, Path]:
    """Logs are what has expected files beside it: `<case>.expected.json`, or `<case>--<label>` for each attempt."""
    found = {}
    for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        expected = {file.name.removesuffix(EXPECTED).partition("--")[0] for file in folder.glob(f"*{EXPECTED}")}
        for path in sorted(folder.iterdir()):
            if not path.name.endswith(EXPECTED) and path.name.rpartition(".")[0 if path.is_file() else 2] in expected:
                found[f"{folder.name}/{path.name}"] = path
    return found


LOGS = _cases()
"""`<importer>/<name>` -> a log that this project made, one file or one folder."""


def attempts(name: str) -> Sequence[Imported]:
    """The attempts of a fixture, read by the importer that knows its content."""
    return registry().read(FIXTURES / name)[1]


def imported(name: str) -> Imported:
    """The only attempt of a fixture."""
    return only(registry().read(FIXTURES / name))


def only(read: tuple[str, Sequence[Imported]]) -> Imported:
    """The one attempt of a log."""
    (attempt,) = read[1]
    return attempt


def expected_file(path: Path, attempt: Imported) -> Path:
    """Where the trajectory stands that an attempt of a fixture must give."""
    case = path.stem if path.is_file() else path.name
    label = f"--{re.sub('[^A-Za-z0-9.]+', '-', attempt.label)}" if attempt.label else ""
    return path.with_name(f"{case}{label}{EXPECTED}")


def written(log: Imported) -> str:
    """The trajectory as the command writes it."""
    return as_json(log.trajectory, nulls=False).decode()


def readable(text: str) -> Trajectory:
    """What a reader of the workspace makes of a written trajectory; it must raise no diagnostic."""
    document, found = parse(text, "trajectory.json")
    assert document is not None, found
    assert found == []
    return Trajectory.model_validate(document.data)


if __name__ == "__main__":
    for path in LOGS.values():
        for attempt in registry().read(path)[1]:
            expected_file(path, attempt).write_text(written(attempt), encoding="utf-8")
