"""What harnesses around a model have in common: the task inside their first prompt, and the patch that is handed in."""

from __future__ import annotations

import re
from typing import Any

from assay.documents import parse
from assay.importers.building import Account
from assay.importers.vocabulary import neutral

_PLACE = re.compile(r"\{\{[^{}]*\b(?:task|problem_statement|issue)\b[^{}]*\}\}|\{(?:task|problem_statement|issue)\}")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\{\w+\}", re.DOTALL)
_FRAMES = (
    ("<pr_description>\n", "\n</pr_description>"),
    ("<issue_description>\n", "\n</issue_description>"),
    ("ISSUE:\n", "\nINSTRUCTIONS:\n"),
    ("# Problem Statement\n", "\nIMPORTANT: You should ONLY"),
    ("Please solve this issue: ", "\nYou can execute bash commands"),
)
"""What stands right before and right after the task in the prompts that the harnesses are delivered with."""
_LEADS = ("Consider the following PR description:\n",)
_LITERAL = 200
"""Characters of a template that must be found beside the task."""
_TOOLS = re.compile(r"\b(?:str_replace_editor|str_replace_based_edit_tool|execute_bash|execute_ipython_cell)\b")
LEFT_OUT = "Instructions that stood around the task in the first prompt are left out."


def task_in(prompt: str, account: Account, template: str | None = None, task: str | None = None) -> str:
    """The task's own text; the instructions around it tell the harness, and are counted as dropped.

    `template` is what the prompt was made from, `task` the text that went in, as far as the log has them. A prompt in
    which no task is recognised comes back whole.
    """
    text = prompt.replace("\r\n", "\n")
    inner = task.replace("\r\n", "\n").strip() if task else ""
    found = inner if inner and inner in text else (_filled(template, text) if template else None) or _framed(text)
    if not found or found == text.strip():
        return prompt
    account.dropped["instructions of the harness around the task"] += 1
    if LEFT_OUT not in account.open:
        account.open.append(LEFT_OUT)
    return found


def _filled(template: str, text: str) -> str | None:
    """What was put in the task's place; None when the template has no such place, or the text is not made from it."""
    place = _PLACE.search(template)
    if place is None:
        return None
    before = _TAG.split(template[: place.start()])[-1].lstrip()[-_LITERAL:]
    after = _TAG.split(template[place.end() :])[0].rstrip()[:_LITERAL]
    return _between(text, before, after)


def _framed(text: str) -> str | None:
    found = next((inner for frame in _FRAMES if (inner := _between(text, *frame))), None)
    for lead in _LEADS:
        found = found and found.removeprefix(lead)
    return found


def _between(text: str, before: str, after: str) -> str | None:
    start = text.find(before)
    end = text.rfind(after) if after.strip() else len(text)
    return text[start + len(before) : end].strip() if 0 <= start < end else None


def as_patch(text: str | None) -> str:
    """The git diff of a hand-in; empty when it holds none. Line ends that a terminal doubled are undone."""
    start = re.search(r"^diff --git ", text, re.MULTILINE) if text else None
    if not text or start is None:
        return ""
    patch = text[start.start() :]
    if patch.count("\r\n") == patch.count("\n"):
        patch = patch.replace("\r\n", "\n")
    return patch if patch.endswith("\n") else f"{patch}\n"


def without_tools(text: str) -> str:
    """What an agent or its harness says, without the tool names of harnesses that nothing else is called by."""
    return _TOOLS.sub(lambda match: f"[{neutral(match[0], {})[0]}]", text) if "_" in text else text


def arguments_in(value: Any) -> Any:
    """Arguments of a call as an object, where JSON text holds one; anything else as it is."""
    document = parse(value, "arguments", ".json")[0] if isinstance(value, str) else None
    return document.data if document and isinstance(document.data, dict) else value
