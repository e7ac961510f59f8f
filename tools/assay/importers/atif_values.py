"""Single values of an ATIF document: what is known, what is measured, who is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from pydantic import BaseModel

from assay.importers.building import Account
from assay.importers.masking import Names
from assay.importers.source import ImportFailed, Node, Source
from assay.model.identity import Identity
from assay.model.trajectory import (
    Agent,
    ContentPart,
    Metrics,
    Observation,
    ObservationResult,
    Step,
    SubagentTrajectoryRef,
    ToolCall,
    Trajectory,
)

NEWEST = 8
_VERSION = re.compile(r"ATIF-v(\d{1,4})\.(\d{1,4})")
_EXIT_CODES = ("exit_code", "exit_status", "returncode", "return_code")
_MODELS: dict[str, type[BaseModel]] = {
    "trajectory": Trajectory,
    "agent": Agent,
    "step": Step,
    "tool_call": ToolCall,
    "observation": Observation,
    "result": ObservationResult,
    "metrics": Metrics,
    "part": ContentPart,
    "ref": SubagentTrajectoryRef,
}
_KNOWN = {name: frozenset(model.model_fields) for name, model in _MODELS.items()}
_LEFT_OUT = {
    "trajectory": {"session_id": "session id", "trajectory_id": "trajectory id", "extra": "extra field"},
    "agent": {"tool_definitions": "list of tool definitions", "extra": "extra field"},
    "step": {
        "timestamp": "timestamp",
        "model_name": "model name",
        "reasoning_effort": "reasoning effort",
        "llm_call_count": "count of model calls",
    },
    "tool_call": {"extra": "extra field"},
    "metrics": {
        "cost_usd": "cost",
        "prompt_token_ids": "list of token ids",
        "completion_token_ids": "list of token ids",
        "logprobs": "list of log probabilities",
        "extra": "extra field",
    },
    "ref": {"session_id": "session id", "extra": "extra field"},
}
"""Known fields that are not kept, or kept as something else, by the kind of object they stand in."""
_KEPT_EXTRA = {
    "step": frozenset({"assay"}),
    "result": frozenset({*_EXIT_CODES, "seconds", "is_error", "truncated"}),
}
Origin = Literal["system", "user", "agent"]


def count(account: Account, node: Node, kind: str) -> None:
    """Account for what is not kept of an object: foreign keys as skipped, known ones as dropped."""
    account.skipped.update(f"key `{key}` of a {kind}" for key in node.foreign(_KNOWN[kind]))
    for key, what in _LEFT_OUT.get(kind, {}).items():
        account.dropped[what] += node.get(key) is not None
    if kind in _KEPT_EXTRA:
        extra = node.object("extra")
        account.dropped["extra field"] += bool(extra and extra.foreign(_KEPT_EXTRA[kind]))


def seconds(account: Account, step: Node) -> float | None:
    """The step's time in seconds of the epoch; None when it has none or it cannot be read."""
    stamp = step.text("timestamp")
    try:
        moment = datetime.fromisoformat(stamp) if stamp else None
    except ValueError:
        account.odd["times that are not ISO 8601"] += 1
        return None
    if moment and moment.tzinfo is None:
        account.odd["times without a zone, read as UTC"] += 1
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment else None


def document_of(root: Node) -> Node:
    """The root, when it is a trajectory of a version that this reader knows."""
    version = root.text("schema_version")
    match = _VERSION.fullmatch(version or "")
    if match is None:
        (root.get("schema_version") or root).fail("an ATIF trajectory with `schema_version` such as `ATIF-v1.8`")
    if match[1] != "1" or int(match[2]) > NEWEST:
        known = f"ATIF-v1.0 to ATIF-v1.{NEWEST}"
        raise ImportFailed(f"{root.source.path}: is `{version}`; this version of Assay reads {known}", "update Assay")
    if root.object("agent") is None:
        root.fail("an ATIF trajectory with an `agent`")
    if not root.items("steps"):
        root.fail("an ATIF trajectory with at least one step")
    return root


def origin_of(step: Node) -> Origin:
    """Who speaks in a step."""
    value = step.text("source")
    for known in get_args(Origin):
        if value == known:
            found: Origin = known
            return found
    return (step.get("source") or step).fail("from `system`, `user` or `agent`")


def references(document: Node) -> Iterator[Node]:
    """Every pointer to a delegated run in the steps of a document."""
    for step in document.items("steps"):
        observation = step.object("observation")
        for result in observation.items("results") if observation else ():
            yield from result.items("subagent_trajectory_ref")


def facts(result: Node) -> dict[str, Any]:
    """Measurements under the names that Assay knows; whatever else a producer adds would tell who it is."""
    extra = result.object("extra")
    raw: Mapping[str, Any] = extra.value if extra else {}
    found: dict[str, Any] = {}
    codes = (raw.get(name) for name in _EXIT_CODES)
    code = next((value for value in codes if isinstance(value, int) and not isinstance(value, bool)), None)
    if code is not None:
        found["exit_code"] = code
    spent = raw.get("seconds")
    if isinstance(spent, int | float) and not isinstance(spent, bool):
        found["seconds"] = spent
    return found | {name: True for name in ("is_error", "truncated") if raw.get(name) is True}


def own_extra(step: Node) -> Iterator[tuple[str, Any]]:
    """What Assay itself wrote into a step earlier."""
    extra = step.object("extra")
    own = extra.value.get("assay") if extra else None
    if isinstance(own, dict):
        if isinstance(own.get("milestone"), str):
            yield "milestone", own["milestone"]
        if type(own.get("seconds_since_previous")) in (int, float):
            yield "seconds_since_previous", own["seconds_since_previous"]


def _agent(document: Node) -> Node | None:
    return document.object("agent")


def _models(documents: Sequence[Node]) -> list[str]:
    owners = [owner for document in documents for owner in (_agent(document), *document.items("steps")) if owner]
    return list(dict.fromkeys(name for owner in owners if (name := owner.text("model_name"))))


def names(documents: Sequence[Node]) -> Names:
    """What the documents give away about their makers."""
    agents = {name for document in documents if (agent := _agent(document)) and (name := agent.text("name"))}
    return Names(agents=frozenset(agents), models=frozenset(_models(documents)))


def identity(source: Source, documents: Sequence[Node]) -> Identity:
    """Who made the first document, with the models of all."""
    first = documents[0]
    agent = first.object("agent")
    total = first.object("final_metrics")
    extra = {"session_id": first.text("session_id"), "trajectory_id": first.text("trajectory_id")}
    cost = total.number("total_cost_usd") if total else None
    extra["cost_usd"] = None if cost is None else f"{cost:.6f}"
    return Identity(
        agent=(agent.text("name") if agent else None) or "unknown",
        version=agent.text("version") if agent else None,
        model=", ".join(_models(documents)) or None,
        source_format=first.text("schema_version") or "",
        source_sha256=source.sha256,
        extra={key: value for key, value in extra.items() if value},
    )
