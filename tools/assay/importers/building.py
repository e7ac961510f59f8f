"""Collecting masked steps and the account of what was left out: what importers share."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assay.documents import parse
from assay.documents.source import too_deep
from assay.importers.contract import Imported, ImportReport
from assay.importers.masking import Mask
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.terminal import OUTPUT_LIMIT, cut, shown
from assay.importers.vocabulary import neutral
from assay.masking.shell_reports import unwrapped
from assay.model.identity import Identity
from assay.model.reported import Reported
from assay.model.trajectory import ATIF_VERSION, Step, Trajectory

_LEVELS_ABOVE = 20
"""Levels of a trajectory that may stand above a call's arguments; a file that is too deep could not be read again."""
MASKED = {"name": "masked", "version": "0"}
ATTEMPT = "attempt"
"""In an identity's `extra`: which attempt of a log with several."""
PREAMBLE = "Imported and masked: agent, model, system prompt, tool definitions, times and costs are not in this file."


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as the log has it. `key` is how its results name it."""

    key: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Result:
    """What came back. `key` is None when the log does not say which call it answers.

    `facts` are native measurements only: exit_code, seconds, is_error, truncated.
    """

    key: str | None
    content: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    children: Sequence[str] = ()
    """Ids of delegated trajectories."""


@dataclass
class Account:
    """What happened to the records of a log while it is being read."""

    dropped: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    """Things a person should know, counted."""
    notes: list[str] = field(default_factory=list)
    """The same as whole sentences."""
    open: list[str] = field(default_factory=list)
    """Sentences that stand in the trajectory's own notes: they must not tell the format."""
    tools: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Original tool name -> words of the vocabulary."""


def records(source: Source, account: Account) -> list[Node]:
    """The objects of a log in JSON Lines; lines that cannot be read, such as the end of a cut log, are told.

    Raises `ImportFailed` when no line is an object.
    """
    found = source.lines
    good = [node for node in found.roots if isinstance(node.value, dict)]
    if not good:
        raise next(iter(found.failures), ImportFailed(f"{source.path}:1:1: must hold an object in each line"))
    if len(good) < len(found.roots):
        account.skipped["line that is no object"] += len(found.roots) - len(good)
    if found.failures:
        account.skipped["line that is no JSON"] += len(found.failures)
        account.notes.append(f"The first line that cannot be read: {found.failures[0].message}")
        account.open.append(f"Lines of the log that could not be read and are missing here: {len(found.failures)}.")
    return good


class Clock:
    """Turns times into durations; the times themselves are not kept."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._last: float | None = None

    def since_previous(self, seconds: float | None) -> float | None:
        """Seconds since the previous call; None when one of the two times is missing, or time goes backwards."""
        last, self._last = self._last, seconds
        if seconds is None or last is None:
            return None
        self._account.odd["times that go backwards"] += seconds < last
        return round(seconds - last, 3) if seconds >= last else None


class Draft:
    """The steps of one trajectory, masked and numbered as they are added."""

    def __init__(self, mask: Mask, account: Account) -> None:
        self.mask = mask
        self.account = account
        self.steps: list[dict[str, Any]] = []
        self.children: list[Trajectory] = []
        self.costs: dict[int, float] = {}
        self._calls = 0

    def add(
        self,
        source: Literal["system", "user", "agent"],
        message: str,
        *,
        reasoning: str = "",
        calls: Iterable[Call] = (),
        results: Iterable[Result] = (),
        tokens: Mapping[str, int | None] | None = None,
        cost: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """One step. `tokens` has the names of ATIF metrics; `extra` is kept below `assay` and must be neutral.

        `cost`, in US dollars, goes to the identity: what a step costs tells the model.
        """
        step: dict[str, Any] = {"step_id": len(self.steps) + 1, "source": source, "message": self.mask.prose(message)}
        if reasoning:
            step["reasoning_content"] = self.mask.prose(reasoning)
        keys: list[tuple[str, str]] = []
        for call in calls:
            step.setdefault("tool_calls", []).append(self._call(call, keys))
        answers = [self._result(result, keys) for result in results]
        if answers:
            step["observation"] = {"results": answers}
        known = {name: number for name, number in (tokens or {}).items() if number is not None}
        if known:
            step["metrics"] = known
        if extra:
            step["extra"] = {"assay": dict(extra)}
        self.account.odd["tool calls without a result"] += len(keys)
        if cost is not None:
            self.costs[step["step_id"]] = cost
        self.steps.append(step)

    def _call(self, call: Call, keys: list[tuple[str, str]]) -> dict[str, Any]:
        self._calls += 1
        name = f"call-{self._calls}"
        if any(key == call.key for key, _ in keys):
            self.account.odd["call ids used twice in one step (results are matched in order)"] += 1
        keys.append((call.key, name))
        word, arguments = neutral(call.name, self._arguments(call.arguments))
        self.account.tools[call.name].add(word)
        return {"tool_call_id": name, "function_name": word, "arguments": self.mask.value(arguments)}

    def _arguments(self, raw: Any) -> dict[str, Any]:
        """Objects as they are; some logs hold them as JSON text, some tools take bare text."""
        if isinstance(raw, str):
            document, _ = parse(raw, "arguments", ".json")
            raw = document.data if document and isinstance(document.data, dict) else raw
        wrapped = raw
        for _ in range(_LEVELS_ABOVE):
            wrapped = [wrapped]
        if too_deep(wrapped):
            self.account.odd["arguments nested too deeply, kept as text"] += 1
            raw = json.dumps(raw, ensure_ascii=False)
        if isinstance(raw, dict):
            return raw
        return {} if raw is None else {"input": raw}

    def _result(self, result: Result, keys: list[tuple[str, str]]) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        match = next((pair for pair in keys if pair[0] == result.key), None)
        if match:
            keys.remove(match)
            answer["source_call_id"] = match[1]
        elif result.key is not None:
            self.account.odd["results that answer no call of their step"] += 1
        facts = dict(result.facts)
        if result.content is not None:
            content, code = unwrapped(result.content)
            answer["content"] = self._output(content)
            if code is not None:
                facts.setdefault("exit_code", code)
        if result.children:
            answer["subagent_trajectory_ref"] = [{"trajectory_id": child} for child in result.children]
        if facts:
            answer["extra"] = facts
        return answer

    def _output(self, content: str) -> str:
        text = self.mask.traffic(shown(content))
        self.account.odd["outputs that were cut in the middle"] += len(text) > OUTPUT_LIMIT
        if len(text) <= OUTPUT_LIMIT:
            return text
        return cut(text, hashlib.sha256(text.encode()).hexdigest())

    def trajectory(self, notes: Sequence[str] = (), name: str | None = None) -> Trajectory:
        """The collected steps as a record; there must be at least one. They are moved there, not copied."""
        totals, steps = self._totals(), deque(self.steps)
        self.steps.clear()
        made = []
        while steps:
            made.append(Step.model_validate(steps.popleft()))
        return Trajectory.model_validate(
            {
                "schema_version": ATIF_VERSION,
                "trajectory_id": name,
                "agent": MASKED,
                "steps": made,
                "notes": "\n".join(notes) or None,
                "final_metrics": totals or None,
                "subagent_trajectories": self.children or None,
            }
        )

    def _totals(self) -> dict[str, int]:
        """Token counts of all steps and delegated trajectories; a kind that is never counted is absent."""
        totals: Counter[str] = Counter()
        for step in self.steps:
            totals.update({f"total_{name}": number for name, number in step.get("metrics", {}).items()})
        for child in self.children:
            if child.final_metrics:
                totals.update(child.final_metrics.model_dump(exclude_none=True))
        return dict(totals)


def finish(
    draft: Draft,
    identity: Identity,
    files: Sequence[Path],
    notes: Iterable[str] = (),
    *,
    label: str = "",
    patch: str = "",
    reported: Reported | None = None,
) -> Imported:
    """One attempt whole. `notes` are the log's own, masked; ours are added where they are not among them already.

    `label` is the log's own name of the attempt; `patch` is masked here. Raises `ImportFailed` when nothing was kept.
    """
    account = draft.account
    if not draft.steps:
        raise ImportFailed(f"{files[0]}: holds no step of its own; there is nothing to import")
    exit_codes = _exit_codes(draft.steps)
    lines = dict.fromkeys((*notes, PREAMBLE, *account.open, *exit_codes))
    patch = draft.mask.traffic(patch)
    extra = {**identity.extra, **_sealed(draft), **({ATTEMPT: label} if label else {})}
    trajectory = draft.trajectory(tuple(lines))
    return Imported(
        trajectory,
        identity.model_copy(update={"extra": extra}),
        _report(draft, trajectory, exit_codes),
        tuple(files),
        label,
        patch,
        reported,
    )


def _sealed(draft: Draft) -> dict[str, str]:
    """What un-blinding needs back beside the names: the tools' own, and what each step cost."""
    tools = {name: " ".join(sorted(words)) for name, words in sorted(draft.account.tools.items())}
    costs = {"cost_usd_by_step": json.dumps(draft.costs)} if any(draft.costs.values()) else {}
    return {"tools": json.dumps(tools, ensure_ascii=False), **costs}


def _exit_codes(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    shells, known = 0, 0
    for step in steps:
        ids = {call["tool_call_id"] for call in step.get("tool_calls", ()) if call["function_name"] == "shell"}
        shells += len(ids)
        for result in step.get("observation", {}).get("results", ()):
            known += result.get("source_call_id") in ids and "exit_code" in result.get("extra", {})
    return [f"Exit codes are known for {known} of {shells} shell calls."] if shells else []


def _report(draft: Draft, trajectory: Trajectory, exit_codes: Sequence[str]) -> ImportReport:
    account, totals = draft.account, trajectory.final_metrics
    notes = [*account.open, *account.notes, *exit_codes]
    notes += [f"{text}: {number}" for text, number in sorted(account.odd.items()) if number]
    notes += [f"`{name}` in commands or output, not masked: {n}" for name, n in sorted(draft.mask.kept.items())]
    if totals is None:
        notes.append("The log counts no tokens.")
    return ImportReport(
        steps=len(trajectory.steps),
        calls=sum(len(step.tool_calls or ()) for step in trajectory.steps),
        observations=sum(observations(step) for step in trajectory.steps),
        prompt_tokens=totals.total_prompt_tokens if totals else None,
        completion_tokens=totals.total_completion_tokens if totals else None,
        dropped=tuple(f"{number} × {what}" for what, number in sorted(account.dropped.items()) if number),
        masked=draft.mask.report(),
        notes=tuple(notes),
        skipped=dict(sorted(account.skipped.items())),
    )


def observations(step: Step) -> int:
    """Results of one step."""
    return len(step.observation.results) if step.observation else 0
