"""Results that others report, as rows that a ranking of agents can use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.identity import Identity
from assay.model.outcome import is_valid
from assay.results.ballots import Agents, LeftOut
from assay.workspace import Workspace


@dataclass(frozen=True)
class ReportedRow:
    """One attempt with a verdict."""

    task: str
    alias: str
    item: str
    """The agent where agents are known, else the alias, which is another one in each task."""
    resolved: bool
    reward: float | None


def reported_rows(workspace: Workspace, agents: Agents | None = None) -> tuple[list[ReportedRow], list[LeftOut]]:
    """Rows sorted by task and alias, and what is in none of them: invalid is never a failure, nor is an unknown end.

    `agents` is what un-blinding gives; attempts whose agent it does not name are left out, as quarantined tasks are.
    """
    rows, left_out = [], list[LeftOut]()
    for task, entry in sorted(workspace.reported.items()):
        if blocking := workspace.quarantined(task):
            left_out += (LeftOut(task, "", "quarantined", item.path, item.record.title) for item in blocking)
            continue
        names = None if agents is None else agents.get(task, {})
        for alias, item in sorted(entry.record.attempts.items()):
            if not is_valid(item.outcome) or item.resolved is None:
                reason = "no verdict" if is_valid(item.outcome) else item.outcome
                left_out.append(LeftOut(task, alias, reason, entry.path))
            elif names is not None and alias not in names:
                left_out.append(LeftOut(task, alias, "agent unknown", entry.path))
            else:
                rows.append(ReportedRow(task, alias, names[alias] if names else alias, item.resolved, item.reward))
    return rows, left_out


def solved(rows: list[ReportedRow]) -> Mapping[str, Mapping[str, tuple[int, int]]]:
    """Resolved and all attempts, by item and task: what solve rates, pass@k and paired tests start from."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        good, every = found.setdefault(row.item, {}).get(row.task, (0, 0))
        found[row.item][row.task] = good + row.resolved, every + 1
    return found


def opened(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Agents by task and alias, where the identities were published.

    One that was run with several models is one agent for each of them.
    """
    records = {task: entry.record.identities for task, entry in workspace.openings.items()}
    models: dict[str, set[str | None]] = {}
    for who in (who for identities in records.values() for who in identities.values()):
        models.setdefault(who.agent, set()).add(who.model)

    def name(who: Identity) -> str:
        return f"{who.agent} ({who.model or 'unknown model'})" if len(models[who.agent]) > 1 else who.agent

    return {task: {alias: name(who) for alias, who in identities.items()} for task, identities in records.items()}
