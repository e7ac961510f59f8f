"""The repository's own settings agree with each other and with the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assay import __version__
from assay.errors import ExitCode


@pytest.fixture(scope="session")
def project(repository: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(item).name) for item in requirements}


def imported(root: Path) -> set[str]:
    """Top-level modules that the code under `root` imports, the standard library and itself left out."""
    found: set[str] = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"assay", "tests"}


def distributions(modules: set[str]) -> set[str]:
    known = packages_distributions()
    return {canonicalize_name(known[module][0]) for module in modules}


def test_every_import_is_declared(repository: Path, project: dict[str, Any]) -> None:
    extras = {name: wanted for name, wanted in project["optional-dependencies"].items() if name != "dev"}
    declared = names([*project["dependencies"], *(item for wanted in extras.values() for item in wanted)])
    assert distributions(imported(repository / "tools/assay")) - declared == set()


def test_every_import_of_the_tests_is_declared(repository: Path, project: dict[str, Any]) -> None:
    declared = names(project["dependencies"]) | names(project["optional-dependencies"]["dev"])
    used = imported(repository / "tests") - {"support", "bench"}
    assert distributions(used) - declared == set()


def test_every_dependency_is_used(repository: Path, project: dict[str, Any]) -> None:
    # These are programs that are run, not modules that are imported.
    programs = {"mkdocs-material", "pre-commit"}
    used = distributions(imported(repository / "tools/assay"))
    assert names(project["dependencies"]) - used - programs == set()


def test_changelog_names_the_version(repository: Path) -> None:
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?([^\]\s]+)", text, re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == __version__, headings


@pytest.mark.parametrize("script", [".ci/setup", ".ci/run", ".ci/demo", ".ci/canary"])
def test_scripts_parse_and_may_be_run(repository: Path, script: str) -> None:
    file = repository / script
    assert subprocess.run(["bash", "-n", file], check=False).returncode == 0
    assert file.stat().st_mode & 0o111
    assert "set -euo pipefail" in file.read_text(encoding="utf-8")


def test_setup_says_what_is_missing_and_exits_as_documented(repository: Path) -> None:
    """A machine without Python that is not root's: one message, one hint, exit 4."""
    script = (repository / ".ci/setup").read_text(encoding="utf-8").replace("$(id -u)", "1000")
    done = subprocess.run(
        ["bash", "-s", "python"],
        input=script,
        env={"PATH": "/usr/bin:/bin", "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.ENVIRONMENT
    assert re.fullmatch(r"setup: error: `no-such-python` .*\n  hint: .*python3-venv.*\n", done.stderr)


def test_make_help_lists_every_target(repository: Path) -> None:
    done = subprocess.run(["make", "help"], cwd=repository, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"venv", "hooks", "docker", "browser", "agents", "demo", "test", "bench", "canary"} <= listed
