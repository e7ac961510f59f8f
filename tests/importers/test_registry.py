"""Plugins, as real distributions on the path of a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.importers import BUILT_IN, Importer, ImporterUnusable, registry
from tests.importers.reading import FIXTURES

PLUGIN = """
from assay.importers import Imported, Source, registry

class Lines:
    name = "lines"
    def sniff(self, source: Source) -> bool:
        return source.content.startswith(b"LINES")
    def read(self, source: Source) -> list[Imported]:
        return registry().get("atif").read(Source(source.path.with_suffix(".json")))

not_an_importer = 7
"""


def distribution(folder: Path, name: str, entries: str) -> None:
    """What an installer leaves behind, as far as entry points go."""
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[assay.importers]\n{entries}\n")
    (folder / "lines_plugin.py").write_text(PLUGIN)


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder), *sys.path])
    command = [sys.executable, "-c", f"from pathlib import Path\nfrom assay.importers import *\n{code}"]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_table_holds(name: str) -> None:
    importer = registry().get(name)
    assert isinstance(importer, Importer)
    assert importer.name == name


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ImporterUnusable, match="there is no importer `atiff`; there are atif, opencode"):
        registry().get("atiff")


def test_a_plugin_is_found_by_content(tmp_path: Path) -> None:
    distribution(tmp_path, "lines-importer", "lines = lines_plugin:Lines")
    (tmp_path / "log").write_text("LINES of a log")
    (tmp_path / "log.json").write_bytes((FIXTURES / "atif/atif-1.2.json").read_bytes())
    code = f"name, (log,) = registry().read(Path({str(tmp_path / 'log')!r}))\nprint(name, log.report.steps)"
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == ("lines 4\n", "")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("lines = missing_module:Lines", "cannot be loaded: ModuleNotFoundError: No module named 'missing_module'"),
        ("lines = lines_plugin:Nothing", "cannot be loaded: AttributeError"),
        ("lines = lines_plugin:not_an_importer", "must be an importer, found `lines_plugin:not_an_importer`"),
    ],
)
def test_a_broken_plugin_is_fatal_and_names_its_distribution(tmp_path: Path, entry: str, says: str) -> None:
    distribution(tmp_path, "lines-importer", entry)
    code = "try:\n    registry().get('lines')\nexcept ImporterUnusable as error:\n    print(error.code, error.message)"
    done = run(tmp_path, code)
    assert done.stdout.startswith("2 the importer `lines` of lines-importer 1.5 ")
    assert says in done.stdout


def test_built_ins_win_over_namesakes_and_say_so(tmp_path: Path) -> None:
    distribution(tmp_path, "other-atif", "atif = missing_module:Atif")
    distribution(tmp_path, "a-lines", "lines = lines_plugin:Lines")
    distribution(tmp_path, "b-lines", "lines = missing_module:Lines")
    code = "print(*registry().warnings, type(registry().get('atif')), type(registry().get('lines')), sep='\\n')"
    done = run(tmp_path, code)
    assert done.stdout.splitlines() == [
        "the importer `atif` of other-atif 1.5 is ignored; the built-in one is used",
        "the importer `lines` of b-lines 1.5 is ignored; that of a-lines 1.5 is used",
        "<class 'assay.importers.atif.Atif'>",
        "<class 'lines_plugin.Lines'>",
    ]


def test_asking_for_the_registry_loads_no_importer() -> None:
    code = "import sys\nregistry()\nprint([m for m in sys.modules if m.startswith('assay.importers.')])"
    done = subprocess.run(
        [sys.executable, "-c", f"from assay.importers import registry\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "atif" not in done.stdout
    assert "opencode" not in done.stdout
