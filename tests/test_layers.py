"""The structure of the package: layers, owners of libraries, no cycles, no giants, light imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from assay.scaffold.workspace import create

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tools/assay"

LAYERS = [
    ["assay", "assay.model", "assay.diagnostics", "assay.errors"],
    [
        "assay.documents",
        "assay.kinds",
        "assay.workspace",
        "assay.repository",
        "assay.sealing",
        "assay.evidence",
        "assay.masking",
        "assay.patches",
        "assay.aliases",
        "assay.bounded",
        "assay.archives",
        "assay.contents",
        "assay.storage",
        "assay.starts",
        "assay.lineage",
        "assay.landings",
        "assay.reported",
    ],
    [
        "assay.rules",
        "assay.audit",
        "assay.mutation",
        "assay.hijack",
        "assay.results",
        "assay.importers",
        "assay.executors",
        "assay.agents",
        "assay.rewards",
    ],
    [
        "assay.verification",
        "assay.worktree",
        "assay.images",
        "assay.intake",
        "assay.intake_tables",
        "assay.fixing",
        "assay.progress",
        "assay.trials",
        "assay.replay",
        "assay.grading",
        "assay.simulation",
        "assay.reporters",
        "assay.review",
        "assay.pages",
        "assay.scaffold",
        "assay.export",
    ],
    ["assay.commands"],
    ["assay.cli", "assay.__main__"],
]
"""Imports go down or stay in their row."""

STRANGERS = [("assay.importers", "assay.executors", "assay.agents")]
"""Neighbours in a row that must not know each other."""

OWNERS = {
    "docker": "assay.executors.docker",
    "distributed": "assay.replay.cluster",
    "git": "assay.repository",
    "yaml": "assay.documents",
    "tomllib": "assay.documents",
    "pyrage": "assay.sealing",
    "jsonschema": "assay.rules",
    "numpy": "assay.results",
    "sklearn": "assay.audit.similarity",
    "mkdocs": "nobody; it runs as a program",
}
"""Library -> the only module or package that imports it."""

HEAVY = {
    *("distributed", "docker", "git", "jsonschema", "mkdocs", "numpy"),
    *("pyrage", "requests", "rich", "scipy", "sklearn", "tree_sitter"),
}
"""What a hook run must not wait for."""

FUNCTION_LINES = 60
FILE_LINES = 400


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted target of every absolute import, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def layer_of(name: str, layers: Sequence[Sequence[str]]) -> int | None:
    """The row with the longest entry that covers `name`; `assay` itself covers only `assay`."""
    covering = [(len(entry), row) for row, entries in enumerate(layers) for entry in entries if within(name, entry)]
    length, row = max(covering, default=(0, None))
    return row if length > len("assay") or name == "assay" else None


def violations(root: Path, layers: Sequence[Sequence[str]], owners: Mapping[str, str]) -> Iterator[str]:
    """One line for every import that goes up, reaches a stranger, or takes a library from its owner."""
    for path in sorted(root.rglob("*.py")):
        name = module_name(path, root)
        mine = layer_of(name, layers)
        if mine is None:
            yield f"{path}: `{name}` is in no layer; add it to LAYERS"
            continue
        for line, target in imports(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path}:{line}"
            theirs = layer_of(target, layers)
            if theirs is not None and theirs > mine:
                yield f"{place}: `{name}` may not import `{target}`, which is above it"
            if any(_strangers(name, target, group) for group in STRANGERS):
                yield f"{place}: `{name}` may not know `{target}`"
            owner = owners.get(target.split(".")[0])
            if owner and not within(name, owner):
                yield f"{place}: `{target}` belongs to {owner}, not to `{name}`"


def _strangers(name: str, target: str, group: Sequence[str]) -> bool:
    homes = [next((package for package in group if within(module, package)), None) for module in (name, target)]
    return None not in homes and homes[0] != homes[1]


def graph(root: Path) -> dict[str, set[str]]:
    """Module -> modules of the package that it imports."""
    trees = {module_name(path, root): ast.parse(path.read_text(encoding="utf-8")) for path in root.rglob("*.py")}
    edges: dict[str, set[str]] = {}
    for name, tree in trees.items():
        found = (target if target in trees else target.rpartition(".")[0] for _, target in imports(tree))
        edges[name] = {target for target in found if target in trees and target != name}
    return edges


def test_imports_go_down() -> None:
    assert "\n".join(violations(PACKAGE, LAYERS, OWNERS)) == ""


def test_no_import_cycle() -> None:
    edges = graph(PACKAGE)
    # A package that re-exports its parts is one unit with them.
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_the_layer_test_sees_what_is_wrong(tmp_path: Path) -> None:
    root = tmp_path / "assay"
    for name, text in {
        "errors.py": "import assay.cli",
        "cli.py": "def run():\n    from docker import from_env",
        "importers/atif.py": "from assay.executors.docker import Engine",
        "executors/docker.py": "import docker",
        "unknown.py": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    found = [line.removeprefix(f"{root}/") for line in violations(root, LAYERS, OWNERS)]
    assert found == [
        "cli.py:2: `docker.from_env` belongs to assay.executors.docker, not to `assay.cli`",
        "errors.py:1: `assay.errors` may not import `assay.cli`, which is above it",
        "importers/atif.py:1: `assay.importers.atif` may not know `assay.executors.docker.Engine`",
        f"{root}/unknown.py: `assay.unknown` is in no layer; add it to LAYERS".removeprefix(f"{root}/"),
    ]


def python_files() -> list[Path]:
    examples = ("/bad/", "/good/", "/fixtures/", "/audit/bases/", "/audit/cases/")
    found = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    return sorted(path for path in found if not any(part in path.as_posix() for part in examples))


def test_no_relative_imports() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert "\n".join(found) == ""


def test_files_fit_on_a_few_screens() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {str(path): lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_functions_fit_on_a_screen() -> None:
    found = {
        f"{path}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    assert {place: lines for place, lines in found.items() if lines > FUNCTION_LINES} == {}


def test_check_imports_nothing_heavy(tmp_path: Path) -> None:
    create(tmp_path, "light")
    command = [sys.executable, "-X", "importtime", "-m", "assay", "check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "pydantic" in loaded, "the import log was not understood"
    assert loaded & HEAVY == set()
