"""One small vocabulary for tools and their arguments: the originals tell which agent spoke."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OTHER = "other"

_TOOLS: Mapping[str, str] = {
    "shell": """
        bash shell sh cmd terminal powershell executebash runshellcommand execcommand runcommand executecommand
        localshell runinterminal bashcommand bashsession containerexec writestdin keystrokes ipython
        executeipythoncell python exec shellcommand localshellcall readbash writebash stopbash
    """,
    "read": """
        read view open cat readfile viewfile openfile readmanyfiles notebookread viewimage goto scrollup scrolldown
    """,
    "edit": """
        edit multiedit patch applypatch replace strreplace editfile updatefile searchreplace editblock insert
        notebookedit replaceinfile
    """,
    "write": "write create writefile createfile newfile writetofile savefile",
    "search": """
        search grep glob find ls list ripgrep grepsearch filesearch searchfiles searchfilecontent findfiles listfiles
        listdirectory listdir codesearch codebasesearch lsp rg listcodedefinitionnames
        findfile searchdir searchfile
    """,
    "plan": """
        plan think todowrite todoread todo updateplan updatetopic exitplanmode enterplanmode planexit planenter
        planmoderespond updatetodo reportintent tasktracker
    """,
    "web": "web webfetch websearch fetch browse browser googlewebsearch browseraction",
    "finish": "finish submit complete done taskcomplete marktaskcomplete attemptcompletion",
}
WORDS = frozenset((*_TOOLS, OTHER))
"""All that a tool of a trajectory is called."""
_WORDS = {name: word for word, names in _TOOLS.items() for name in names.split()}

_EDITORS = frozenset({"strreplaceeditor", "strreplacebasededittool", "fileeditor", "texteditor"})
_EDITOR_ACTIONS = {"view": "read", "create": "write"}
"""Editors with sub-commands; every other sub-command edits."""

_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "shell": {"cmd": "command"},
    "file": {
        "filepath": "path",
        "file": "path",
        "filename": "path",
        "absolutepath": "path",
        "targetfile": "path",
        "notebookpath": "path",
        "oldstring": "old",
        "oldstr": "old",
        "oldtext": "old",
        "newstring": "new",
        "newstr": "new",
        "newtext": "new",
        "replaceall": "all",
        "filetext": "content",
        "contents": "content",
    },
    "search": {
        "dirpath": "path",
        "directory": "path",
        "dir": "path",
        "regex": "pattern",
        "query": "pattern",
        "searchterm": "pattern",
        "filename": "pattern",
    },
}
_PATCHERS = frozenset({"applypatch", "patch"})
_CHANGE = re.compile(
    r"(?P<call>\A\s*|\bapply_patch\b.{0,80}?)\*{3} Begin Patch\n(?P<body>.*?)^\*{3} End Patch\b",
    re.DOTALL | re.MULTILINE,
)
_HEAD = re.compile(r"^\*{3} (?:(Update|Add|Delete) File|(Move to)): |^\*{3} End of File\n?", re.MULTILINE)
"""A change as only `apply_patch` takes it, and what stands above each file of it."""
_FAMILY = {"shell": "shell", "read": "file", "edit": "file", "write": "file", "search": "search"}


def neutral(name: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Word of the vocabulary for a tool, and its arguments under common names.

    Values stay as they are, but for the marks around a change that only `apply_patch` takes. A call that is neutral
    already comes back unchanged.
    """
    squashed, kept = _squash(name), dict(arguments)
    if squashed in _EDITORS:
        action = kept.pop("command", None)
        word = _EDITOR_ACTIONS.get(str(action), "edit")
        kept = kept if action is None or word != "edit" else {"action": action, **kept}
    else:
        word = _WORDS.get(squashed, squashed if squashed in _TOOLS else OTHER)
    renames = _ARGUMENTS.get(_FAMILY.get(word, ""), {})
    result: dict[str, Any] = {}
    for key, value in kept.items():
        common = renames.get(_squash(key), key)
        result[key if common in kept or common in result else common] = _unmarked(squashed, word, value)
    return word, result


def _unmarked(tool: str, word: str, value: Any) -> Any:
    """A call's change without the marks around it; files and mere mentions that hold such marks stay."""
    if not isinstance(value, str) or "*** Begin Patch" not in value or not (word == "shell" or tool in _PATCHERS):
        return value
    return _CHANGE.sub(lambda found: found["call"].replace("apply_patch", "edit") + _heads(found["body"]), value)


def _heads(body: str) -> str:
    return _HEAD.sub(lambda found: f"{word.lower()} " if (word := found[1] or found[2]) else "", body)


def _squash(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
