"""Why an attempt stands where it does, for a terminal, as JSON and as CSV."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.reporters.ranking import as_rows

if TYPE_CHECKING:
    from assay.results.why import Pair, Verdict, Why

SIGNS = {True: "passed", False: "failed", None: "unclear"}


def as_json(found: Why) -> str:
    """Everything."""
    parts = asdict(found)
    head = {"task": found.task, "alias": found.alias, **found.version.columns()}
    return json.dumps({**head, **{name: value for name, value in parts.items() if name != "version"}}, indent=2)


def as_csv(found: Why) -> str:
    """One line for each pair and each verdict; `of` says which."""
    rows: list[dict[str, Any]] = [{"of": "pair", **asdict(pair)} for pair in found.pairs]
    rows += [{"of": "verdict", **asdict(verdict)} for verdict in found.verdicts]
    whence = {"task": found.task, "alias": found.alias, **found.version.columns(), "options": str(found.options)}
    flat = ({name: _flat(value) for name, value in row.items()} for row in rows)
    return as_rows({**row, **whence} for row in flat)


def _flat(value: Any) -> Any:
    return " ".join(value) if isinstance(value, tuple) else round(value, 6) if isinstance(value, float) else value


def as_table(found: Why) -> str:
    """For a terminal."""
    return "\n".join(_lines(found))


def _lines(found: Why) -> Iterator[str]:
    yield f"{found.task}/{found.alias}"
    for item in found.left_out:
        yield f"  left out: {item.reason}: {item.title or item.path} ({item.path})"
    if not found.pairs:
        yield "  no annotation compares it with another attempt"
    for name in dict.fromkeys(pair.annotator for pair in found.pairs):
        yield f"\npairs by {name}, each of weight {next(p.weight for p in found.pairs if p.annotator == name):.2f}"
        yield from (_pair(pair) for pair in found.pairs if pair.annotator == name)
        yield from textwrap.wrap(
            found.comparisons[name], 116, initial_indent="    why: ", subsequent_indent="    ", break_long_words=False
        )
    for name in dict.fromkeys(verdict.annotator for verdict in found.verdicts):
        yield f"\ncriteria by {name}"
        for verdict in found.verdicts:
            if verdict.annotator == name:
                yield from _verdict(verdict)
    if found.milestones:
        said = ", ".join(f"{name} {SIGNS[passed]}" for name, passed in found.milestones.items())
        yield f"\ntests: {said.replace('unclear', 'unknown')}"
    asked = f" Options: {found.options}." if str(found.options) else ""
    yield f"\n{found.version}.{asked}"


def _pair(pair: Pair) -> str:
    better = [f"+{name}" for name in pair.better_at]
    differ = " ".join((*better, *(f"-{name}" for name in pair.worse_at)))
    return f"  {pair.result:<5}  {pair.other}  {differ or 'the same criteria passed'}"


def _verdict(verdict: Verdict) -> Iterator[str]:
    marks = f"{verdict.axis}, weight {verdict.weight}{', must pass' if verdict.must_pass else ''}"
    marks += "" if verdict.counts else ", not counted: what it requires did not pass"
    yield f"  {SIGNS[verdict.passed]:<7}  {verdict.criterion}  ({marks})"
    yield from (f"           {cite}" for cite in verdict.cites)
