"""Native logs of agents for measuring imports: the fixtures of this project, as long as real ones."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[1] / "tests/importers/fixtures"
WORDS = (
    "reads the ledger line by line and keeps what it cannot book cursor index total amount void revision retry lock "
    "worker queue drain handle signal write flush close open table schema column upgrade report batch file module test"
)


def generate(folder: Path, count: int, size: int, seed: int = 7) -> int:
    """Write `count` logs of about `size` bytes each, in turn of every format that is one text file; their bytes."""
    dice = random.Random(seed)
    patterns = [path for path in sorted(FIXTURES.glob("*/*.json*")) if _whole(path)]
    total = 0
    for number in range(count):
        path = patterns[number % len(patterns)]
        lines = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]
        records = [json.loads(line) for line in lines if line.strip()]
        texts = sum(map(_texts, records))
        each = max(1, size // max(1, texts))
        longer = [_lengthened(record, partial(_prose, dice, each)) for record in copy.deepcopy(records)]
        text = "\n".join(json.dumps(record, ensure_ascii=False) for record in longer)
        file = folder / f"log-{number:04}{path.suffix}"
        file.write_text(text + "\n", encoding="utf-8")
        total += file.stat().st_size
    return total


def _whole(path: Path) -> bool:
    """Whether a fixture is a log of its own, with one attempt in it."""
    stem = path.name.removesuffix(path.suffix)
    return not path.name.endswith(".expected.json") and path.with_name(f"{stem}.expected.json").is_file()


def _prose(dice: random.Random, size: int) -> str:
    text = ""
    while len(text) < size:
        text += " ".join(dice.choices(WORDS.split(), k=12)) + "\n"
    return text


def _texts(data: Any) -> int:
    if isinstance(data, dict):
        return sum(map(_texts, data.values()))
    if isinstance(data, list):
        return sum(map(_texts, data))
    return isinstance(data, str) and " " in data


def _lengthened(data: Any, more: Callable[[], str]) -> Any:
    """A record whose sentences and outputs go on; identifiers and dates stay what they are."""
    if isinstance(data, dict):
        return {key: _lengthened(value, more) for key, value in data.items()}
    if isinstance(data, list):
        return [_lengthened(value, more) for value in data]
    return f"{data}\n{more()}" if isinstance(data, str) and " " in data else data
