"""The generated JSON Schemas: valid, fresh, and true of the files of this repository."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from assay.cli import main
from assay.scaffold.schemas import MODELS, schema_texts

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {
    "annotation": "annotations/*/*.yaml",
    "attempt": "tests/attempts/*/*.yaml",
    "people": "annotations/people.yaml",
    "report": "trajectories/*/*/tests/*.json",
    "rubric": "tasks/*/rubric.yaml",
    "session": "trajectories/*/*/session.json",
    "settings": "assay.toml",
    "task": "tasks/*/task.toml",
    "trajectory": "trajectories/*/*/trajectory.json",
    "user": "tasks/*/user.yaml",
}
TEMPLATES = ROOT / "tools/assay/scaffold/templates"


def read(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    match file.suffix:
        case ".json":
            return json.loads(text)
        case ".toml":
            return tomllib.loads(text)
    return yaml.safe_load(text)


def examples() -> Iterator[Any]:
    for name, pattern in EXAMPLES.items():
        for root in (ROOT, TEMPLATES):
            for file in sorted(root.glob(pattern)):
                yield pytest.param(name, file, id=f"{name}:{file.relative_to(root).as_posix()}")


@pytest.mark.parametrize("name", MODELS)
def test_schema_is_valid_and_described(name: str) -> None:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:assay:schema:{name}:v1"
    assert schema["description"]


@pytest.mark.parametrize(("name", "file"), list(examples()))
def test_files_of_this_repository_fit_their_schema(name: str, file: Path) -> None:
    schema = json.loads((ROOT / f"schemas/{name}.schema.json").read_text(encoding="utf-8"))
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(read(file))]
    assert "\n".join(errors) == ""


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rubric", {"criteria": []}),
        ("rubric", {"format": 2}),
        ("people", {"peopel": []}),
        ("settings", {"rules": {"citation-quote": "loud"}}),
        ("task", {"steps": []}),
        ("user", {"stop": {"max_turns": 0}}),
    ],
)
def test_schema_refuses(name: str, change: dict[str, Any]) -> None:
    good = read(next(iter(sorted(TEMPLATES.glob(EXAMPLES[name])))))
    validator = Draft202012Validator(json.loads(schema_texts()[f"{name}.schema.json"]))
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, **change})


def test_committed_schemas_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", str(ROOT / "schemas"), "--check"]) == 0, capsys.readouterr()


def test_check_names_what_is_stale_and_leaves_other_schemas_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path)
    (tmp_path / "metadata.schema.json").write_text("{}")
    assert main(["schema", folder, "--check"]) == 1
    assert main(["schema", folder]) == 0
    assert main(["schema", folder, "--check"]) == 0
    (tmp_path / "user.schema.json").write_text("{}")
    (tmp_path / "task.schema.json").unlink()
    capsys.readouterr()
    assert main(["schema", folder, "--check"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == [
        f"{tmp_path}/task.schema.json",
        f"{tmp_path}/user.schema.json",
    ]
    assert "assay schema" in err
    assert (tmp_path / "task.schema.json").exists() is False, "--check must not write"
    assert (tmp_path / "metadata.schema.json").read_text() == "{}"


def test_editor_lines_point_at_schemas_that_exist() -> None:
    pattern = re.compile(r"^(?:# yaml-language-server: \$schema=|#:schema )(\S+)", re.MULTILINE)
    checked = 0
    for root in (ROOT, TEMPLATES):
        files = [file for glob in EXAMPLES.values() for file in root.glob(glob) if file.suffix in (".yaml", ".toml")]
        for file in files:
            for target in pattern.findall(file.read_text(encoding="utf-8")):
                where = (file.parent / target).resolve().relative_to(root)
                assert (ROOT / where).is_file(), f"{file}: {target}"
                checked += 1
    assert checked >= 8
