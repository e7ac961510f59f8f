"""Rules on what an instruction leaves open: requirements that nothing checks, formats without a schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename

from assay.audit import task_rule
from assay.audit.folder import SINGLE, TaskFolder
from assay.audit.outputs import given
from assay.diagnostics import Diagnostic, Severity

_COVERS = ("metadata", "assay", "covers")
_MARK = re.compile(r"\[([A-Z]{1,6}-?\d{1,4}(?:\.\d+)?)\](?![(\[:])")
_FILE = re.compile(r"(?<![\w/.-])[\w/-]+(?:\.[\w/-]+)*?\.(?:json|jsonl|csv|tsv)\b")
_ASKS = re.compile(r"\b(write|save|export|produce|create|generate|store|output)s?\b[^.\n]*$", re.IGNORECASE)
_SCHEMA = re.compile(
    r"```|\b(columns?|fields?|keys?|headers?|schema|format|object|array|list of|example|same as)\b|\{|\w,\s?\w+,\w",
    re.IGNORECASE,
)


@task_rule("contract-covers")
def contract_covers(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A `covers` map names requirements that the instruction marks and tests that exist.

    Authors may map requirements to tests in `[metadata.assay.covers]`: the instruction marks a requirement by its id in
    brackets, `[R1]`, which may stand in a comment (`<!-- [R1] -->`). A requirement without a test is not demanded; a
    mark that the map does not have was forgotten.

    Bad:
        [metadata.assay.covers]
        R1 = []

    Good:
        [metadata.assay.covers]
        R1 = ["merge-rows/test_order"]
    """
    covers = folder.setting(*_COVERS)
    if covers is None:
        return
    if not isinstance(covers, dict):
        yield folder.at_setting(_COVERS, "contract-covers", "`covers` must be a table: requirement = [tests]")
        return
    told = "\n".join(source.text for source in folder.instruction_texts)
    for id, tests in covers.items():
        if f"[{id}]" not in told:
            yield folder.at_setting((*_COVERS, id), "contract-covers", f"no instruction has the mark `[{id}]`")
        if not isinstance(tests, list) or not tests:
            message = (
                f"requirement `{id}` must list the tests that check it, found {'none' if tests == [] else 'no list'}"
            )
            yield folder.at_setting((*_COVERS, id), "contract-covers", message)
            continue
        for number, name in enumerate(tests):
            if not isinstance(name, str) or not _has_test(folder, name):
                message = f"requirement `{id}` names the test `{name}`, which does not exist"
                yield folder.at_setting((*_COVERS, id, number), "contract-covers", message)
    for mark in dict.fromkeys(_MARK.findall(told)):
        if mark not in covers:
            message = f"the instruction marks the requirement `[{mark}]`, which `covers` does not have"
            yield folder.at_setting(_COVERS, "contract-covers", message)


def _has_test(folder: TaskFolder, name: str) -> bool:
    """Whether `milestone/test`, or `test` in a task without milestones, is a function or a word of the tests."""
    milestone, _, test = name.rpartition("/")
    goals = [goal for goal in folder.goals if goal.name == (milestone or SINGLE)]
    test = re.escape(test.partition("[")[0].rpartition("::")[2])
    return bool(test) and any(
        re.search(rf"\b{test}\b", source.text) for goal in goals for source in folder.sources(goal.tests)
    )


@task_rule("contract-format", Severity.NOTE)
def contract_format(folder: TaskFolder) -> Iterator[Diagnostic]:
    """An instruction that asks for JSON or CSV says its keys or columns.

    Without them every solver invents a schema, and tests can only know one.

    Bad:
        Write the result to `/app/out.json`.

    Good:
        Write the result to `/app/out.json`: an object with the keys `total` and `rows`.
    """
    for source in folder.instruction_texts:
        for found in _FILE.finditer(source.text) if not _SCHEMA.search(source.text) else ():
            asked = _ASKS.search(source.text[max(0, found.start() - 200) : found.start()])
            if asked and basename(found[0]) not in given(folder):
                message = f"`{found[0]}` is asked for without its keys or columns"
                line = source.text.count("\n", 0, found.start()) + 1
                in_settings = folder.at_setting(("instruction",), "contract-format", message)
                in_file = folder.at(source.path, line, "contract-format", message)
                yield in_settings if folder.kind == "terminal-bench" else in_file
                break
