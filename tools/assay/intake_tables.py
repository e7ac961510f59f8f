"""Tables of results on their way into the workspace: each row becomes an attempt of which only the result is known."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assay.aliases import choose
from assay.documents import read, validate
from assay.errors import UsageError
from assay.importers import ImportFailed, Source
from assay.importers.building import ATTEMPT
from assay.importers.table_rows import Row
from assay.importers.tables import FORMAT, is_table
from assay.importers.tables import read as read_table
from assay.model.identity import Identity
from assay.model.task import TaskFile
from assay.reported import add as add_reported
from assay.reported import known as known_reported
from assay.sealing.identities import add as add_identities
from assay.sealing.identities import known as known_identities
from assay.workspace import unknown_task


def holds_results(path: Path, form: str | None) -> bool:
    """Whether a path is a table: it is called one, or nothing is said and its content is one."""
    return form == FORMAT or (form is None and path.is_file() and is_table(Source(path)))


@dataclass
class TableIntake:
    """One call of `assay import` with tables. `task` narrows it; `agent` and `model` fill what a table does not say."""

    root: Path
    task: str | None = None
    agent: str | None = None
    model: str | None = None
    remarks: list[str] = field(default_factory=list)

    def take(self, paths: Iterable[Path]) -> dict[str, dict[str, Row]]:
        """Write all rows that are new. Returns them by task and alias. Raises before anything is written."""
        fresh: defaultdict[str, dict[tuple[str, str], tuple[Row, Identity]]] = defaultdict(dict)
        for path in paths:
            for task, row, identity in self._rows(path):
                origin = identity.source_sha256, identity.extra[ATTEMPT]
                if origin in fresh[task]:
                    who = " ".join(filter(None, (row.agent or self.agent, row.trial)))
                    raise ImportFailed(f"{row.place}:1: `{task}` has a row for {who} already", "number them by `trial`")
                fresh[task][origin] = row, identity
        new = {task: self._new(task, rows) for task, rows in fresh.items()}
        return {task: self._write(task, rows) for task, rows in new.items() if rows}

    def _rows(self, path: Path) -> Iterator[tuple[str, Row, Identity]]:
        source = Source(path)
        table = read_table(source)
        self.remarks += [f"{path}: {note}" for note in table.notes]
        tasks, others, unknown = _tasks(self.root), 0, Counter[str]()
        for row in table.rows:
            task = self.task if row.task is None else tasks.get(_slug(row.task))
            if task is None and row.task is None:
                raise UsageError("no-task", f"{path}: does not say of which task it is", "name it with `--task`")
            if task is None:
                unknown[row.task or ""] += 1
            elif self.task not in (None, task):
                others += 1
            else:
                yield task, row, self._identity(source, table.form, row)
        if others:
            self.remarks.append(f"{path}: rows of other tasks, which were left out: {others}")
        if unknown and unknown.total() == len(table.rows):
            raise unknown_task(next(iter(unknown)), sorted(set(tasks.values())))
        if unknown:
            names = ", ".join(f"`{name}`" for name in list(unknown)[:5]) + (", …" if len(unknown) > 5 else "")
            self.remarks.append(f"{path}: rows of unknown tasks, which were left out: {unknown.total()} ({names})")

    def _identity(self, source: Source, form: str, row: Row) -> Identity:
        agent = row.agent or self.agent
        if agent is None:
            message = f"{row.place}: does not say whose result this is"
            raise UsageError("no-agent", message, "name the agent with `--agent`, and its model with `--model`")
        model = row.model or self.model
        attempt = " ".join(filter(None, (agent, model, row.task, row.trial)))
        return Identity(
            agent=agent,
            model=model,
            source_format=f"{FORMAT}-{form}",
            source_sha256=source.sha256,
            extra={ATTEMPT: attempt, **({"trial": row.trial} if row.trial else {})},
        )

    def _new(self, task: str, rows: Mapping[tuple[str, str], tuple[Row, Identity]]) -> list[tuple[Row, Identity]]:
        there = known_reported(self.root, task)
        identities = known_identities(self.root, task).identities
        origins = {(who.source_sha256, who.extra.get(ATTEMPT)) for alias, who in identities.items() if alias in there}
        fresh = [item for origin, item in rows.items() if origin not in origins]
        if len(fresh) < len(rows):
            self.remarks.append(f"{task}: rows that are there already, not imported again: {len(rows) - len(fresh)}")
        return fresh

    def _write(self, task: str, rows: list[tuple[Row, Identity]]) -> dict[str, Row]:
        """Identities first: a result whose maker was never written down is lost to the study."""
        taken = {*known_identities(self.root, task).identities, *known_reported(self.root, task)}
        made = dict(zip(choose(self.root, task, None, len(rows), taken), rows, strict=True))
        add_identities(self.root, task, {alias: identity for alias, (_, identity) in made.items()})
        add_reported(self.root, task, {alias: row.reported for alias, (row, _) in made.items()})
        return {alias: row for alias, (row, _) in made.items()}


def _tasks(root: Path) -> dict[str, str]:
    """Ids by all names that a task goes by: its folder's, and its own."""
    found: dict[str, str] = {}
    for folder in sorted((root / "tasks").glob("*/")):
        path = f"tasks/{folder.name}/task.toml"
        document, _ = read(root / path, path)
        file = validate(document, TaskFile)[0] if document else None
        found |= {_slug(file.task.name): folder.name} if file else {}
        found[_slug(folder.name)] = folder.name
    return found


def _slug(name: str) -> str:
    """`Owner__repo-12` of a benchmark is `owner-repo-12` here: ids are names of folders."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
