"""The package as others get it: built, installed with only its declared dependencies, used far from this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(repository)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("assay-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def assay(installed: Path, folder: Path, *arguments: str, code: int = 0) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [installed / "assay", *arguments], cwd=folder, env=env | {"PATH": path}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def workspace(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assay(installed, folder, "init", "study")
    return folder / "study"


def test_wheel_holds_every_file_of_the_package(wheel: Path, repository: Path) -> None:
    package = repository / "tools"
    wanted = {
        file.relative_to(package).as_posix()
        for file in (package / "assay").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if not name.startswith("assay-")}
        licence = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert found == wanted
    assert len(licence) == 1


def test_code_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    command = [str(installed / "python"), "-c", "import assay; print(assay.__file__)"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_new_workspace_is_clean(installed: Path, workspace: Path) -> None:
    assert assay(installed, workspace, "check").endswith("no problems.\n")
    assert "all up to date" in assay(installed, workspace, "schema", "--check")


def test_check_finds_what_is_broken(installed: Path, tmp_path: Path) -> None:
    assay(installed, tmp_path, "init", ".")
    (tmp_path / "annotations/people.yaml").write_text("format: 1\npeople: []\npeople: []\n")
    assert "annotations/people.yaml:3:1: error yaml-duplicate-key" in assay(installed, tmp_path, "check", code=1)


def test_nothing_can_be_ranked_yet_and_it_says_so(installed: Path, workspace: Path) -> None:
    assert "no annotation yet" in assay(installed, workspace, "rank")


@pytest.mark.docker
def test_task_is_proven(installed: Path, workspace: Path) -> None:
    assert "hello-milestones: proven" in assay(installed, workspace, "replay")


def test_site_is_built(installed: Path, workspace: Path) -> None:
    assay(installed, workspace, "site")
    pages = workspace / "build/site"
    assert "<title>" in (pages / "index.html").read_text(encoding="utf-8")
    tasks = [page for page in pages.rglob("*.html") if "hello-milestones" in page.as_posix()]
    assert tasks, "the task has no page"
