"""Rules on names, folders and the workspace's own policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from assay.diagnostics import Diagnostic, Position
from assay.documents import Document, read
from assay.model.base import ID_PATTERN
from assay.rules import all_rules, rule
from assay.workspace import SETTINGS, Workspace

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

PEOPLE = "annotations/people.yaml"
_START = Position(1, 1)


@rule("id-matches-folder")
def id_matches_folder(workspace: Workspace) -> Iterator[Diagnostic]:
    """A record carries the id that its folder or file is named by, and names are valid ids.

    The path is how everything else refers to a record. A copy whose inside still says something else would be counted
    for the wrong task or the wrong annotator.

    Bad:
        # annotations/ledger-loader/rater-2.yaml
        task: ledger-loader
        annotator: rater-1

    Good:
        # annotations/ledger-loader/rater-2.yaml
        task: ledger-loader
        annotator: rater-2
    """
    yield from _names(workspace)
    for task in workspace.tasks.values():
        if task.file and (name := _last(task.file.record.task.name)) != task.id:
            message = f"the task's name must end in its folder's name `{task.id}`, found `{name}`"
            yield _at(task.file.document, ("task", "name"), "id-matches-folder", message)
    for task_id, entry in workspace.reported.items():
        if entry.record.task != task_id:
            message = f"`task` must be what the path says, `{task_id}`; found `{entry.record.task}`"
            yield _at(entry.document, ("task",), "id-matches-folder", message)
    for sheet in (*workspace.sheets, *workspace.drafts, *workspace.judges):
        if sheet.entry is None:
            continue
        record, document = sheet.entry.record, sheet.entry.document
        for key, inside, outside in (
            ("task", record.task, sheet.task),
            ("annotator", record.annotator, sheet.annotator),
        ):
            if inside != outside:
                message = f"`{key}` must be what the path says, `{outside}`; found `{inside}`"
                yield _at(document, (key,), "id-matches-folder", message, "change the line or rename the file")


def _names(workspace: Workspace) -> Iterator[Diagnostic]:
    """Ids are lower case, so two names that differ only in case cannot both be valid."""
    names = [(task.id, f"{task.path}/task.toml") for task in workspace.tasks.values()]
    for attempts in workspace.attempts.values():
        names += [(attempt.alias, f"{attempt.path}/trajectory.json") for attempt in attempts.values()]
    names += [(sheet.annotator, sheet.path) for sheet in (*workspace.sheets, *workspace.drafts, *workspace.judges)]
    for name, path in names:
        if not re.match(ID_PATTERN, name):
            message = f"names are lower-case letters, digits and inner hyphens, at most 64; found `{name}`"
            yield Diagnostic.at(path, _START, "id-matches-folder", message, hint="rename the folder or the file")


@rule("unknown-task")
def unknown_task(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every folder in `trajectories/` and `annotations/` is named after a task.

    Trajectories and annotations of a task that does not exist appear on no page and in no number.

    Bad:
        tasks/ledger-loader/
        annotations/ledger-loadr/rater-1.yaml

    Good:
        tasks/ledger-loader/
        annotations/ledger-loader/rater-1.yaml
    """
    # a task in a misnamed folder is reported there, and not again for everything that belongs to it
    known = {_last(task.file.record.task.name) for task in workspace.tasks.values() if task.file} | set(workspace.tasks)
    firsts = {
        name: next((f"{attempt.path}/trajectory.json" for attempt in attempts.values()), f"trajectories/{name}")
        for name, attempts in workspace.attempts.items()
    }
    yield from (_no_task(name, path, known) for name, path in firsts.items() if name not in known)
    seen: set[str] = set()
    for sheet in workspace.sheets:
        moved = sheet.entry is not None and sheet.entry.record.task != sheet.task
        if sheet.task not in known | seen and not moved:
            yield _no_task(sheet.task, sheet.path, known)
        seen.add(sheet.task)


def _no_task(name: str, path: str, known: set[str]) -> Diagnostic:
    return Diagnostic.at(path, _START, "unknown-task", f"there is no task `{name}`", hint=_close(name, known))


@rule("settings-unknown-rule")
def settings_unknown_rule(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every rule that `assay.toml` gives a severity exists.

    A misspelt id is a policy that silently does not hold.

    Bad:
        [rules]
        citation-quotes = "warning"

    Good:
        [rules]
        citation-quote = "warning"
    """
    if not workspace.settings.rules or workspace.settings.rules.keys() <= all_rules().keys():
        return
    from assay.audit import all_task_rules

    known = {*all_rules(), *all_task_rules()}
    for name in workspace.settings.rules:
        if name not in known:
            hint = _close(name, known) or "`assay explain` lists all rules"
            position = workspace.documents[SETTINGS].key_position(("rules", name))
            yield Diagnostic.at(SETTINGS, position, "settings-unknown-rule", f"there is no rule `{name}`", hint=hint)


@rule("metadata-schema")
def metadata_schema(workspace: Workspace) -> Iterator[Diagnostic]:
    """`[metadata]` of every task fits the JSON Schema that `assay.toml` names.

    Assay knows the fields every study needs; a study with fields of its own checks them with a schema of its own
    (JSON Schema, draft 2020-12). References to other files are not followed.

    Bad:
        # the schema demands "language"
        [metadata]
        difficulty = "medium"

    Good:
        [metadata]
        difficulty = "medium"
        language = "python"
    """
    if workspace.settings.metadata is None:
        return
    validator = _validator(workspace, workspace.settings.metadata.json_schema)
    if isinstance(validator, Diagnostic):
        yield validator
        return
    for task in workspace.tasks.values():
        if task.file:
            yield from _metadata_errors(task.file.document, validator)


def _validator(workspace: Workspace, path: str) -> Draft202012Validator | Diagnostic:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry

    def refused(reason: str) -> Diagnostic:
        message = f"`{path}` must be a JSON Schema of draft 2020-12; {reason}"
        return _at(workspace.documents[SETTINGS], ("metadata", "schema"), "metadata-schema", message)

    document, found = read(workspace.root / path, path) if path.endswith(".json") else (None, [])
    if document is None:
        return refused(found[0].message if found else "its name must end in `.json`")
    try:
        Draft202012Validator.check_schema(document.data)
    except SchemaError as error:
        return refused(error.message)
    return Draft202012Validator(document.data, registry=Registry())


def _metadata_errors(document: Document, validator: Draft202012Validator) -> Iterator[Diagnostic]:
    from referencing.exceptions import Unresolvable

    metadata: Any = document.data.get("metadata", {})
    try:
        for error in validator.iter_errors(metadata):
            loc = ("metadata", *error.absolute_path)
            yield _at(document, loc, "metadata-schema", error.message)
    except Unresolvable as error:
        yield _at(document, ("metadata",), "metadata-schema", f"the schema refers to what is not in it: {error}")


@rule("unknown-annotator")
def unknown_annotator(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every annotation is by somebody who has the role `annotator` in `annotations/people.yaml`.

    Agreement is computed between people; a handle that nobody answers for cannot be one of them. What a program judged
    lies in `judges/`, under a handle with the role `judge`.

    Bad:
        people:
          - {handle: rater-1, roles: [reviewer]}

    Good:
        people:
          - {handle: rater-1, roles: [annotator, reviewer]}
    """
    if workspace.people is None:
        if workspace.sheets and not (workspace.root / PEOPLE).exists():
            yield Diagnostic.at(PEOPLE, _START, "unknown-annotator", "must list who annotates; the file is missing")
        return
    roles = {person.handle: person.roles for person in workspace.people.record.people}
    graders = [(sheet, "annotator") for sheet in (*workspace.sheets, *workspace.drafts)]
    for sheet, role in (*graders, *((sheet, "judge") for sheet in workspace.judges)):
        if sheet.entry is None:
            continue
        handle = sheet.entry.record.annotator
        if role not in roles.get(handle, ()):
            what = f"has no role `{role}` in {PEOPLE}" if handle in roles else f"is not in {PEOPLE}"
            hint = _close(handle, set(roles)) if handle not in roles else ""
            yield _at(sheet.entry.document, ("annotator",), "unknown-annotator", f"`{handle}` {what}", hint)


def _at(document: Document, loc: tuple[str | int, ...], name: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic.at(document.path, document.position(loc), name, message, hint=hint)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _close(name: str, known: set[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1)
    return f"did you mean `{close[0]}`?" if close else ""
