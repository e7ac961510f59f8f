"""The rules on Python tests, a snippet at a time: what fires, and what only looks like it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from textwrap import dedent, indent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.audit import audit
from assay.audit.folder import TaskFolder

BASE = Path(__file__).parent / "bases/single"
OUT = 'OUT = Path("/app/totals.json")'


def found(folder: Path, text: str) -> set[str]:
    """The rules on Python tests that a file of tests breaks, in a task whose instruction names `customers`."""
    for name in ("task.toml", "instruction.md", "environment/Dockerfile", "solution/solve.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((BASE / name).read_bytes())
    (folder / "solution/solve.sh").write_text("echo hidden_total metrics_key > /app/totals.json")
    (folder / "tests").mkdir()
    (folder / "tests/test_it.py").write_text(text, encoding="utf-8", errors="replace")
    rules = {item.rule for item in audit(TaskFolder(folder, "t"), {}).findings}
    assert "audit-incomplete" not in rules
    return {rule for rule in rules if rule.startswith(("test-", "contract-"))}


def case(body: str, above: str = "") -> str:
    """A file with one test."""
    imports = "import csv, json, os, random, subprocess, time, unittest\nfrom pathlib import Path\nimport pytest\n"
    return f"{imports}{OUT}\n{dedent(above)}\ndef test_it(tmp_path):\n{indent(dedent(body), '    ')}\n"


LOADED = 'data = json.loads(OUT.read_text())\nassert data["customers"]\n'
FIRE = {
    "or True": ("test-vacuous", case(LOADED + "assert data['customers'] == 1 or True")),
    "length": ("test-vacuous", case("assert len(json.loads(OUT.read_text())) >= 0")),
    "literals": ("test-vacuous", case("assert 1 + 1 == 2")),
    "unittest": ("test-vacuous", "class TestIt:\n    def test_it(self):\n        self.assertTrue(True)\n"),
    "dead branch": ("test-vacuous", case("if False:\n    assert OUT.exists()")),
    "early return": ("test-swallowed", case(LOADED + "try:\n    assert data['customers']\nexcept:\n    return")),
    "open or skip": (
        "test-absence-passes",
        case("try:\n    text = OUT.read_text()\nexcept OSError:\n    pytest.skip('none')\nassert text == 'x'"),
    ),
    "mark of the module": ("test-skipped", case(LOADED, "pytestmark = [pytest.mark.skip]")),
    "same variable": ("test-self-consistent", case(LOADED + "assert data == data")),
    "same text": ("test-self-consistent", case("assert OUT.read_text() == OUT.read_text()")),
    "age": ("test-wall-clock", case(LOADED + "assert abs(data['customers'] - time.time()) < 60")),
    "generator": ("test-unseeded", case(LOADED + "assert random.Random().random() < data['customers']")),
    "listing": ("test-unordered", case("assert [p.name for p in Path('/app').iterdir()] == ['a', 'b']")),
    "get": ("contract-literal", case(LOADED + "assert data.get('hidden_total') == 3")),
    "subset": ("contract-literal", case(LOADED + "assert {'customers', 'hidden_total'} <= set(data)")),
    "printed": (
        "contract-literal",
        case("done = subprocess.run(['x'], capture_output=True)\nassert json.loads(done.stdout)['hidden_total']"),
    ),
    "loader": (
        "contract-literal",
        case("assert load(OUT)[0]['hidden_total']", "def load(path):\n    return json.loads(Path(path).read_text())"),
    ),
    "parameters": (
        "contract-literal",
        """
import json, pytest
@pytest.mark.parametrize("key", ["hidden_total"])
def test_it(key):
    assert key in json.load(open("/app/totals.json"))
""",
    ),
}  # fmt: skip
QUIET = {
    "determinism": case("one = run()\nassert run() == one", "def run():\n    return subprocess.check_output(['x'])"),
    "not a number": case(LOADED + "value = float(data['customers'])\nassert value == value"),
    "own equality": case("import totals\none = totals.Total()\nassert one == one"),
    "pairs": case(LOADED + "for a, b in data['customers']:\n    assert a == b"),
    "two of a tuple": case("status, text = os.popen('x').read(), OUT.read_text()\nassert (status, text)[1] == status"),
    "must not be reached": case("try:\n    int(OUT.read_text())\nexcept ValueError:\n    return\nassert False"),
    "collected failures": case(
        "wrong = []\nfor key in ('customers',):\n    try:\n        assert key in json.loads(OUT.read_text())\n"
        "    except AssertionError as error:\n        wrong.append(error)\nassert not wrong"
    ),
    "method of a local class": case(
        LOADED + "class Local:\n    def check(self):\n        assert data\nLocal().check()"
    ),
    "metrics of its own": case(
        "assert score('/app/totals.json')['metrics_key'] == 1",
        "def score(path):\n    rows = json.load(open(path))\n    return {'metrics_key': len(rows)}\n",
    ),
    "truth beside the test": case(
        LOADED + "truth = json.loads((Path(__file__).parent / 't.json').read_text())\nassert truth['hidden_total'] == 3"
    ),
    "values": case(LOADED + "assert data['customers'][0] == 'hidden_total'\nassert 'metrics_key' in data['customers']"),
    "skips on old machines": case("if not hasattr(os, 'fork'):\n    pytest.skip('no fork')\n" + LOADED),
    "deadline": case("end = time.time() + 9\nwhile not OUT.exists():\n    assert time.time() < end\n"),
    "slow on purpose": case("start = time.time()\nsubprocess.run(['x'], check=True)\nassert time.time() - start > 0.5"),
    "ports": case(LOADED + "port = random.randint(2000, 3000)\nassert port"),
    "one file": case("assert os.listdir('/app/out') == ['a']"),
    "asserting name": case("np.testing.assert_allclose(np.loadtxt(OUT), 1)", "import numpy as np"),
    "an async fixture": "import pytest\n@pytest.fixture\nasync def test_data():\n    pass\n",
    "no test file": "",
}  # fmt: skip


@pytest.mark.parametrize("name", FIRE)
def test_fires(tmp_path: Path, name: str) -> None:
    rule, text = FIRE[name]
    assert found(tmp_path, text) == {rule}


@pytest.mark.parametrize("name", QUIET)
def test_stays_quiet(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, QUIET[name]) == set()


LINES = "\n".join([*(text for _, text in FIRE.values()), *QUIET.values()]).splitlines()


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(LINES), max_size=25).map("\n".join), st.just("x = " + "-" * 5000 + "1")
    )
)
@settings(max_examples=60, deadline=None)
def test_no_text_is_too_much(text: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        found(Path(name), text)
