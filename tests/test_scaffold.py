"""`assay init`: a whole workspace, from nothing, that is in order; and what it refuses to do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli import main
from assay.documents import parse
from assay.scaffold.workspace import create, workspace_files
from assay.workspace import load


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    create(tmp_path / "study", "A study")
    return tmp_path / "study"


def test_new_workspace_is_complete_and_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "my study"]) == 0
    out = capsys.readouterr().out
    assert "cd 'my study'" in out
    assert [line for line in ("git init", "assay check", "assay replay", "assay site") if line not in out] == []
    monkeypatch.chdir("my study")
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "1 task, 0 trajectories, 0 annotations: no problems.\n"
    assert main(["schema", "--check"]) == 0
    loaded = load(Path.cwd())
    assert (loaded.settings.title, loaded.guidelines) == ("my study", 1)
    task = loaded.tasks["hello-milestones"]
    assert task.milestones == ("count-words", "skip-words")
    assert task.rubric is not None
    assert {item.axis for item in task.rubric.record.criteria} == {"correctness", "style", "communication", "behaviour"}
    assert task.user is not None


def test_hidden_files_have_their_real_names(workspace: Path) -> None:
    names = {path.split("/")[-1] for path in contents(workspace)}
    assert {".gitignore", ".gitattributes", ".pre-commit-config.yaml", ".gitkeep"} <= names
    assert [name for name in names if name.startswith("dot-")] == []


def test_a_second_time_changes_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(workspace)
    assert main(["init", str(workspace), "--title", "A study"]) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert contents(workspace) == before


def test_fills_in_only_what_is_missing(workspace: Path) -> None:
    before = contents(workspace)
    (workspace / "README.md").unlink()
    (workspace / "notes.txt").write_text("mine")
    assert create(workspace, "A study") == ["README.md"]
    assert contents(workspace) == before | {"notes.txt": b"mine"}


def test_conflicts_are_named_and_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "annotations").write_text("a file where a folder belongs")
    (tmp_path / "assay.toml").mkdir()
    (tmp_path / "mkdocs.yml").symlink_to("nowhere")
    before = contents(tmp_path)
    assert main(["init", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error init-conflict: ")
    for path in ("README.md", "annotations/people.yaml", "assay.toml", "mkdocs.yml"):
        assert f"`{path}`" in err
    assert "`task.toml`" not in err
    assert contents(tmp_path) == before
    assert not (tmp_path / "tasks").exists()


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study").write_text("")
    assert main(["init", str(tmp_path / "study")]) == 2
    assert (tmp_path / "study").read_text() == ""


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_title_is_written_so_that_it_is_read_back(title: str) -> None:
    files = workspace_files(title)
    assert tomllib.loads(files["assay.toml"].decode())["title"] == title
    site_name = next(line for line in files["mkdocs.yml"].decode().splitlines() if line.startswith("site_name: "))
    document, found = parse(site_name, "mkdocs.yml", ".yaml")
    assert found == []
    assert document is not None
    assert document.data == {"site_name": title}


def test_site_template_is_this_repositorys_own(repository: Path) -> None:
    def lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("site_name: ")]

    own = (repository / "mkdocs.yml").read_text(encoding="utf-8")
    assert lines(workspace_files("x")["mkdocs.yml"].decode()) == lines(own)


def test_ignored_and_recorded_paths_agree_with_this_repository(repository: Path) -> None:
    files = workspace_files("x")
    for name in (".gitignore", ".gitattributes"):
        own = (repository / name).read_text(encoding="utf-8").splitlines()
        given_lines = files[name].decode().splitlines()
        assert [line for line in given_lines if line and not line.startswith("#") and line not in own] == []


@pytest.mark.docker
def test_the_task_is_proven(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workspace)
    assert main(["replay"]) == 0, capsys.readouterr()
    assert "hello-milestones: proven" in capsys.readouterr().out


def test_the_scaffold_brings_the_guidelines_of_this_repository() -> None:
    root = Path(__file__).parent.parent
    ours = root / "annotations/guidelines.md"
    theirs = root / "tools/assay/scaffold/templates/annotations/guidelines.md"
    assert theirs.read_bytes() == ours.read_bytes()
