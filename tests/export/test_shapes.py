"""The tables have the shapes that trainers read: TRL's formats as its documentation has them, Arrow, Croissant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli import main
from assay.export import TABLES
from assay.export.messages import divided, messages
from assay.export.pairs import Pair, pairs
from assay.export.selection import select
from assay.model.trajectory import Trajectory
from assay.workspace import load
from tests.export.test_export import rows
from tests.rules.overlay import build

ROLES = {"system", "user", "assistant", "tool"}


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of this repository's own examples, dry runs too."""
    folder = tmp_path_factory.mktemp("data") / "set"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path(__file__).parents[2])
        assert main(["export", str(folder), "--with", "policies", "--with", "unadjudicated"]) == 0
    return folder


def well_formed(turns: list[dict[str, Any]]) -> bool:
    """Every answer of a tool follows the call that it answers, and arguments are JSON."""
    asked: set[str] = set()
    for turn in turns:
        assert turn["role"] in ROLES
        assert isinstance(turn["content"], str)
        for call in turn["tool_calls"] or ():
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
            asked.add(call["id"])
        assert turn["role"] != "tool" or turn["tool_call_id"] in {*asked, ""}
    return True


def test_preferences_are_prompts_with_two_completions(data_set: Path) -> None:
    found = rows(data_set, "preferences")
    assert found
    for row in found:
        assert row["prompt"][-1]["role"] == "user"
        assert row["chosen"][0]["role"] == row["rejected"][0]["role"] == "assistant"
        assert row["chosen"] != row["rejected"]
        assert well_formed([*row["prompt"], *row["chosen"]])
        assert well_formed([*row["prompt"], *row["rejected"]])
        assert isinstance(json.loads(row["tools"]), list)


def test_unpaired_and_stepwise_rows_are_labelled(data_set: Path) -> None:
    labels = rows(data_set, "unpaired")
    assert {row["label"] for row in labels} == {True, False}
    assert all(row["completion"][0]["role"] == "assistant" for row in labels)
    steps = rows(data_set, "stepwise")
    assert steps
    assert all(len(row["completions"]) == len(row["labels"]) == len(row["steps"]) for row in steps)
    assert all(isinstance(row["prompt"], str) and all(row["completions"]) for row in steps)
    assert {label for row in steps for label in row["labels"]} == {True, False}


def test_every_table_has_rows_and_its_columns(data_set: Path) -> None:
    for table in TABLES:
        found = rows(data_set, table.name)
        assert found or table.name == "verification_runs", table.name  # nobody ran anything for the examples
        assert all(list(row) == list(table.columns) for row in found)


def test_hugging_face_opens_every_config(data_set: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    for table in TABLES:
        loaded = datasets.load_dataset(str(data_set), table.name, split="train", cache_dir=str(tmp_path))
        assert loaded.num_rows == len(rows(data_set, table.name))


def test_trl_knows_the_formats(data_set: Path) -> None:
    trl = pytest.importorskip("trl.data_utils", reason="pip install trl")
    assert all(trl.is_conversational(row) for row in rows(data_set, "preferences"))
    assert all(trl.is_conversational(row) for row in rows(data_set, "unpaired"))


def test_croissant_is_valid(data_set: Path) -> None:
    croissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
    found = croissant.Dataset(jsonld=str(data_set / "croissant.json"))
    assert {records.name for records in found.metadata.record_sets} == {table.name for table in TABLES}


def test_croissant_describes_every_file_and_column(data_set: Path) -> None:
    found = json.loads((data_set / "croissant.json").read_text())
    digests = json.loads((data_set / "manifest.json").read_text())["sha256"]
    assert {item["contentUrl"]: item["sha256"] for item in found["distribution"]} == {
        path: digest for path, digest in digests.items() if path.endswith(".parquet")
    }
    fields = {item["name"]: len(item["field"]) for item in found["recordSet"]}
    assert fields == {table.name: len(table.columns) for table in TABLES if rows(data_set, table.name)}


@given(st.lists(st.permutations(["brisk-otter", "calm-heron"]) | st.just(None), max_size=5))
def test_a_pair_is_what_most_say(orders: list[list[str] | None]) -> None:
    """`None` stands for an annotator who ranks both in one tier."""
    (chosen,) = select(load(_BASE)).tasks
    (record,) = chosen.annotations
    tiers = [[["brisk-otter", "calm-heron"]] if order is None else [[alias] for alias in order] for order in orders]
    sheets = tuple(record.model_copy(update={"ranking": ranking}) for ranking in tiers)
    found = list(pairs(type(chosen)(chosen.task, chosen.rubric, chosen.attempts, sheets)))
    otters = sum(order is not None and order[0] == "brisk-otter" for order in orders)
    herons = sum(order is not None and order[0] == "calm-heron" for order in orders)
    if not orders:
        assert found == []
        return
    (pair,) = found
    ahead = "calm-heron" if herons > otters else "brisk-otter"
    assert pair == Pair(
        chosen=ahead,
        rejected=({"calm-heron", "brisk-otter"} - {ahead}).pop(),
        wins=max(otters, herons),
        losses=min(otters, herons),
        ties=orders.count(None),
        decided=False,
        tiers=abs(otters - herons) / len(orders),
    )
    assert (not pair.why_not) == (min(otters, herons) == 0 < max(otters, herons))


def test_nothing_of_a_trajectory_is_lost_between_prompt_and_completion(data_set: Path) -> None:
    for row in rows(data_set, "trajectories"):
        turns = messages(Trajectory.model_validate_json(row["atif"]))
        prompt, completion = divided(turns)
        assert turns == [*prompt, *completion] == row["messages"]
        assert all(turn["role"] != "assistant" for turn in prompt)


@pytest.fixture(scope="module", autouse=True)
def _base(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _BASE
    _BASE = build(tmp_path_factory.mktemp("base") / "workspace")


_BASE = Path()
