"""What is special about logs of Inspect: archives, epochs, attachments, and scores."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import zstandard

from assay.importers import Imported, ImportFailed, registry
from tests.importers.reading import FIXTURES, attempts, only

PLAIN = json.loads((FIXTURES / "inspect/plain.json").read_text(encoding="utf-8"))
HEADER = {key: value for key, value in PLAIN.items() if key != "samples"}


def pack(path: Path | str, members: Mapping[str, tuple[Any, int]]) -> None:
    """A zip archive of members, each with its method: 0 stored, 8 deflate, 93 zstd, which `zipfile` cannot write."""
    body, directory = b"", b""
    for name, (value, method) in members.items():
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        packed = content
        if method == 8:
            deflate = zlib.compressobj(wbits=-15)
            packed = deflate.compress(content) + deflate.flush()
        elif method == 93:
            packed = zstandard.ZstdCompressor().compress(content)
        common = struct.pack(
            "<HHIIIIHH", 0, method, 33 << 16, zlib.crc32(content), len(packed), len(content), len(name), 0
        )
        directory += struct.pack("<4sHH", b"PK\1\2", 63, 63) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += struct.pack("<4sH", b"PK\3\4", 63) + common + name.encode() + packed
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    Path(path).write_bytes(body + directory + end)


def sample(**changed: Any) -> dict[str, Any]:
    """The first sample of the fixture, otherwise."""
    return {**deepcopy(PLAIN["samples"][0]), **changed}


def read(tmp_path: Path, **changed: Any) -> Imported:
    (tmp_path / "log.json").write_text(json.dumps({**HEADER, "samples": [sample(**changed)]}))
    return only(registry().read(tmp_path / "log.json"))


def test_samples_and_epochs_are_attempts() -> None:
    assert [log.label for log in attempts("inspect/plain.json")] == ["1/epoch 1", "1/epoch 2"]
    packed = attempts("inspect/packed.eval")
    assert [log.label for log in packed] == ["two/epoch 1", "two/epoch 2"]
    assert "Samples without messages, which were left out: 1." in packed[0].report.notes


def test_exit_codes_are_those_of_the_call_itself() -> None:
    log = attempts("inspect/plain.json")[0]
    results = [r for step in log.trajectory.steps for r in (step.observation.results if step.observation else ())]
    assert [result.exit_code for result in results] == [1, 0, None]
    assert [result.seconds for result in results] == [0.251, 0.251, 0.251]


def test_tokens_include_the_cached_ones_and_costs_are_sealed() -> None:
    log = attempts("inspect/plain.json")[0]
    metrics = [step.metrics for step in log.trajectory.steps if step.metrics]
    assert [(m.prompt_tokens, m.cached_tokens) for m in metrics] == [(600, 500), (700, None)]
    assert json.loads(log.identity.extra["cost_usd_by_step"]) == {"2": 0.0123}


@pytest.mark.parametrize(
    ("changed", "outcome", "resolved", "reward"),
    [
        ({}, "scored", True, 1.0),
        ({"scores": {"x": {"value": "P"}}}, "scored", None, 0.5),
        ({"scores": {"x": {"value": True}}}, "scored", True, 1.0),
        ({"scores": {"x": {"value": 12.5}}}, "scored", None, 12.5),
        ({"scores": {"x": {"value": "C"}, "y": {"value": "C"}}}, "scored", None, None),
        ({"limit": {"type": "time", "limit": 9}}, "timed-out", True, 1.0),
        ({"limit": {"type": "message", "limit": 9}}, "scored", True, 1.0),
        ({"scores": {}, "error": {"message": "x"}}, "invalid-environment", None, None),
    ],
)
def test_scores(tmp_path: Path, changed: Any, outcome: str, resolved: bool | None, reward: float | None) -> None:
    result = read(tmp_path, **changed).reported
    assert result is not None
    assert (result.outcome, result.resolved, result.reward) == (outcome, resolved, reward)
    assert "fable" not in result.model_dump_json().lower()


def test_nothing_is_reported_of_a_sample_that_was_not_scored(tmp_path: Path) -> None:
    assert read(tmp_path, scores=None).reported is None


def test_a_solver_with_a_name_is_the_agent(tmp_path: Path) -> None:
    log = {**HEADER, "eval": {**HEADER["eval"], "solver": "labs/kestrel_cli"}, "samples": [sample()]}
    log["samples"][0]["messages"][-1]["content"] = "Kestrel CLI is done."
    (tmp_path / "log.json").write_text(json.dumps(log))
    found = only(registry().read(tmp_path / "log.json"))
    assert found.identity.agent == "labs/kestrel_cli"
    assert found.trajectory.steps[-1].text == "[agent] is done."


def test_a_run_that_did_not_end_is_read_from_its_journal(tmp_path: Path) -> None:
    pack(tmp_path / "log.eval", {"_journal/start.json": (HEADER, 8), "samples/1_epoch_1.json": (sample(), 93)})
    assert "The run had not ended" in (only(registry().read(tmp_path / "log.eval")).trajectory.notes or "")


@pytest.mark.parametrize("method", [0, 8, 93])
def test_every_method_of_packing_gives_the_same(tmp_path: Path, method: int) -> None:
    pack(tmp_path / "log.eval", {"header.json": (HEADER, method), "samples/1_epoch_1.json": (sample(), method)})
    assert only(registry().read(tmp_path / "log.eval")).trajectory == attempts("inspect/plain.json")[0].trajectory


@pytest.mark.parametrize(
    ("name", "content", "method", "says"),
    [
        ("samples/../../x.json", b"{}", 8, "its members must lie inside it, found `samples/../../x.json`"),
        ("samples/1_epoch_1.json", b" " * 20_000_000, 8, "must not unpack to more than 16,000,000 bytes, 400 times"),
        ("samples/1_epoch_1.json", b" " * 20_000_000, 93, "must not unpack to more than 16,000,000 bytes, 400 times"),
        ("samples/1_epoch_1.json", b"{", 8, ":samples/1_epoch_1.json:1:"),
        ("samples/1_epoch_1.json", b"{}", 97, "must be a whole member of the archive"),
    ],
)
def test_archives_that_are_not_right(tmp_path: Path, name: str, content: bytes, method: int, says: str) -> None:
    log = tmp_path / "log.eval"
    pack(log, {"header.json": (HEADER, 8), "samples/0_epoch_1.json": (sample(), 8), name: (content, method)})
    with pytest.raises(ImportFailed) as failed:
        registry().read(log)
    assert failed.value.message.startswith(f"{log}:")
    assert says in failed.value.message
