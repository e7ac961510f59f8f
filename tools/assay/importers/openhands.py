"""Logs of OpenHands: the event list of version 0, lines of its evaluation and resolver, and folders of its SDK.

A line of `output.jsonl` is one attempt at one instance; its history has events of either version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.importers.building import Account, Draft, finish, records
from assay.importers.contract import Imported
from assay.importers.harnesses import as_patch
from assay.importers.masking import Mask, Names, users_in
from assay.importers.openhands_events import Events, models_of
from assay.importers.openhands_sdk import State, Typed
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.turns import Turns
from assay.model.identity import Identity
from assay.model.reported import Reported

PRODUCT = "openhands"
_STATE = "base_state.json"
_ROW = ("metadata", "issue", "instance_id")
_LONG_ROW = re.compile(rb'"history"\s*:\s*\[\s*\[?\s*\{(?!\s*"role")')
_JUDGED = "judged by a model that read the conversation, not by tests"


class OpenHands:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """A list of events, rows with a history of events, or the folder of a conversation."""
        if source.is_folder:
            return source.beside(_STATE) is not None
        data = source.peek()
        if isinstance(data, list):
            first = data[0] if data else None
            return isinstance(first, dict) and "source" in first and _is_event(first)
        if isinstance(data, dict):
            return _is_row(data)
        return any(map(_is_row, source.head)) or _is_long_row(source)

    def read(self, source: Source) -> list[Imported]:
        """One attempt, or one for each row with a history; rows are told apart by their instances."""
        if source.is_folder:
            return [_conversation(source)]
        if isinstance(source.peek(), list):
            return [_attempt(source, [source.path], list(source.root.elements()), Account())]
        common = Account()
        rows = [source.root.mapping()] if isinstance(source.peek(), dict) else records(source, common)
        told = [row for row in rows if _events(row)]
        if not told:
            raise ImportFailed(f"{source.path}: must hold a row with a history of events")
        if len(rows) > len(told):
            common.skipped["row without a history"] += len(rows) - len(told)
        labels = _labels(told) if len(told) > 1 else [""]
        told_of_all = tuple(common.open)
        return [
            _row(source, row, _events(row), Account(open=[*told_of_all]) if number else common, label)
            for number, (row, label) in enumerate(zip(told, labels, strict=True))
        ]


def _is_event(item: Any) -> bool:
    return isinstance(item, dict) and not {"action", "observation", "kind"}.isdisjoint(item)


def _is_row(data: Any) -> bool:
    history = data.get("history") if isinstance(data, dict) and any(key in data for key in _ROW) else None
    first = history[0] if isinstance(history, list) and history else None
    return _is_event(first[0] if isinstance(first, list) and first else first)


def _is_long_row(source: Source) -> bool:
    """Whether the first line is too long for `head`, and begins like a row."""
    start = source.content[:2_000_000]
    row = start[:1] == b"{" and b"\n" not in start and any(f'"{key}"'.encode() in start for key in _ROW)
    return row and _LONG_ROW.search(start) is not None


def _events(row: Node) -> list[Node]:
    """The history, in which older evaluations pair each action with its observation."""
    history = row.get("history")
    if history is not None and not isinstance(history.value, list):
        history.fail("a list")
    found: list[Node] = []
    for place, value in enumerate(history.value if history else ()):
        item = Node(row.source, (*row.loc, "history", place), value, row.line)
        found += item.elements() if isinstance(value, list) else [item.mapping()]
    return found


def _labels(rows: Sequence[Node]) -> list[str]:
    """The instances' names; what is there more than once is counted."""
    seen: Counter[str] = Counter()
    labels = []
    for row in rows:
        name = _instance(row) or "row"
        seen[name] += 1
        labels.append(name if seen[name] == 1 else f"{name}/run {seen[name]}")
    return labels


def _instance(row: Node) -> str | None:
    issue = row.get("issue")
    if row.value.get("instance_id") or issue is None or not isinstance(issue.value, dict):
        return row.text("instance_id")
    number = issue.count("number")
    return f"{issue.text('owner') or ''}/{issue.text('repo') or ''}#{'' if number is None else number}"


@dataclass(frozen=True)
class _Maker:
    """Who made an attempt, as far as something beside the events says so."""

    models: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    extra: Mapping[str, str | None] | None = None


def _row(source: Source, row: Node, events: Sequence[Node], account: Account, label: str) -> Imported:
    metadata, metrics = row.object("metadata"), row.object("metrics")
    config = metadata.object("llm_config") or metadata.object("llm") if metadata else None
    model = config.text("model") if config else None
    cost = metrics.number("accumulated_cost") if metrics else None
    agent = metadata.text("agent_class") if metadata else None
    extra = {
        "instance_id": _instance(row),
        "agent_class": agent,
        "cost_usd": f"{cost:.6f}" if cost else None,
    }
    account.dropped["cost"] += bool(cost)
    if row.value.get("error"):
        account.open.append("The run ended with an error of the program.")
    test = row.object("test_result")
    patch = (test.text("git_patch") if test else None) or row.text("git_patch")
    maker = _Maker(frozenset([model] if model else []), frozenset([agent] if agent else []), extra=extra)
    return _attempt(source, [source.path], events, account, maker, label, as_patch(patch), _reported(row, test))


def _reported(row: Node, test: Node | None) -> Reported | None:
    """What the evaluation, or in its place the resolver, says about success."""
    for owner in (test, row):
        report = owner.object("report") if owner else None
        if report and report.get("resolved"):
            return Reported(resolved=report.flag("resolved"))
    if row.get("success"):
        return Reported(resolved=row.flag("success"), reason=_JUDGED)
    return None


def _conversation(source: Source) -> Imported:
    beside = source.beside(_STATE) or source
    account = Account()
    files, events = [beside.path], list[Node]()
    for file in source.inside("events/*.json"):
        try:
            events.append(file.root.mapping())
            files.append(file.path)
        except ImportFailed as error:
            account.skipped["event that is no JSON object"] += 1
            account.notes.append(f"An event that cannot be read: {error.message}")
    if account.skipped:
        broken = account.skipped["event that is no JSON object"]
        account.open.append(f"Records of the log that could not be read and are missing here: {broken}.")
    if not events:
        raise ImportFailed(f"{source.path}: must hold events in `events`, one JSON file for each")
    state = State(beside.root.mapping())
    if state.unfinished:
        account.open.append("The run had not ended when its log was taken.")
    extra = {"session_id": state.root.text("id"), "cwd": state.folders[0], "cost_usd": state.cost}
    maker = _Maker(frozenset(state.models), users=users_in(*state.folders), extra=extra)
    return _attempt(source, files, events, account, maker, state=state)


def _attempt(
    source: Source,
    files: Sequence[Any],
    events: Sequence[Node],
    account: Account,
    maker: _Maker | None = None,
    label: str = "",
    patch: str = "",
    reported: Reported | None = None,
    state: State | None = None,
) -> Imported:
    maker = maker or _Maker()
    typed = any(event.value.get("kind") for event in events)
    turns = Turns(account)
    (Typed(turns, account, state) if typed else Events(turns, account)).read(events)
    models = dict.fromkeys([*sorted(maker.models), *models_of(events)])
    names = Names(
        agents=frozenset({PRODUCT, "OpenDevin", "CodeActAgent"}) | maker.agents,
        models=frozenset(models),
        vendors=frozenset({"All Hands AI", "all-hands"}),
        users=maker.users,
    )
    draft = Draft(Mask(names), account)
    turns.fill(draft)
    started = next((at for event in events if (at := event.text("timestamp"))), None)
    identity = Identity(
        agent=PRODUCT,
        model=", ".join(name for name in models if not any(other.endswith(f"/{name}") for other in models)) or None,
        source_format="openhands-sdk" if typed else "openhands-events",
        source_sha256=source.sha256,
        extra={key: value for key, value in {**(maker.extra or {}), "started": started}.items() if value},
    )
    return finish(draft, identity, files, label=label, patch=patch, reported=reported)
