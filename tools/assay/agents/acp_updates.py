"""Session updates of the Agent Client Protocol as events.

They are read as they come over the wire, not through a schema: what one agent adds or leaves out costs nothing else.
Agents differ in where they put the name of a tool, the exit status and the output of a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.agents.contract import Answered, Called, Event, Said, Thought, Used
from assay.masking.shell_reports import unwrapped

_KINDS = {"execute": "shell", "fetch": "web"}
"""Kinds of tools whose names are no words of their own."""
_NAME = re.compile(r"[A-Za-z]\w*")
_EXIT_PLACES = (
    ("rawOutput", "metadata", "exit"),
    ("rawOutput", "exit_code"),
    ("rawOutput", "exitCode"),
    ("_meta", "terminal_exit", "exit_code"),
)


class Updates:
    """Turns the updates of one session, in order, into events."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._calls: dict[str, Called] = {}
        self._kinds: dict[str, str] = {}
        self._ended: set[str] = set()
        self._refused: list[str] = []
        self._spent = (0, 0)
        self.screens: dict[str, tuple[str, int | None]] = {}
        """By terminal: what it showed, and the exit status."""

    def begin_turn(self) -> None:
        """Tokens are counted by turn."""
        self._spent = (0, 0)

    def events(self, update: Mapping[str, Any]) -> Iterator[Event]:
        """What one `session/update` says."""
        match update.get("sessionUpdate"):
            case "agent_message_chunk" | "agent_thought_chunk" as kind:
                piece = Said if kind == "agent_message_chunk" else Thought
                if text := _text(update.get("content")):
                    yield piece(text, str(update.get("messageId") or ""))
                if isinstance(usage := _dig(update, "_meta", "usage"), dict):
                    yield self._add(usage)
            case "tool_call" | "tool_call_update":
                yield from self._call(update)

    def asked(self, call: Mapping[str, Any]) -> Iterator[Event]:
        """A request for permission: some agents announce a call only with it."""
        yield from self._call({**call, "status": "pending"})

    def refuse(self, key: str) -> None:
        """A call was not allowed."""
        self._refused.append(key)

    def end_turn(self) -> Iterator[Event]:
        """Some agents say nothing more of a call that was refused."""
        for key in self._refused:
            if key not in self._ended:
                self._ended.add(key)
                yield Answered(key, "(not allowed by the user)", None, True)
        self._refused.clear()

    def command(self, call: Mapping[str, Any]) -> str:
        """What the agent wants to do, for whoever decides."""
        known = self._calls.get(str(call.get("toolCallId")))
        arguments = call.get("rawInput") or (known.arguments if known else {})
        command = arguments.get("command") if isinstance(arguments, Mapping) else None
        if isinstance(command, str) and command:
            return command
        return str(call.get("title") or (known.tool if known else ""))

    def _add(self, usage: Mapping[str, Any]) -> Used:
        counts = [usage.get(name) for name in ("inputTokens", "outputTokens")]
        prompt, completion = (number if isinstance(number, int) else 0 for number in counts)
        self._spent = (self._spent[0] + prompt, self._spent[1] + completion)
        return Used(*self._spent)

    def _call(self, update: Mapping[str, Any]) -> Iterator[Event]:
        key = str(update.get("toolCallId"))
        if key in self._ended:
            return
        self._kinds[key] = str(update.get("kind") or self._kinds.get(key, ""))
        call = Called(key, self._tool(key, update), self._arguments(key, update))
        if call != self._calls.get(key):
            self._calls[key] = call
            yield call
        self._watch(update)
        if update.get("status") in ("completed", "failed"):
            self._ended.add(key)
            text = self._output(update)
            yield Answered(key, text, self._exit(key, update), update["status"] == "failed")

    def _tool(self, key: str, update: Mapping[str, Any]) -> str:
        """The agent's own name, from where it may be; titles of commands are the commands themselves."""
        kind, known = self._kinds[key], self._calls.get(key)
        named = update.get("name"), _dig(update, "_meta", "toolName"), _dig(update, "_meta", "claudeCode", "toolName")
        if name := next((name for name in named if isinstance(name, str) and name), None):
            return name
        if known:
            return known.tool
        title = str(update.get("title") or "")
        return title if kind != "execute" and _NAME.fullmatch(title) else _KINDS.get(kind, kind or "other")

    def _arguments(self, key: str, update: Mapping[str, Any]) -> Mapping[str, Any]:
        known = self._calls.get(key)
        raw = update.get("rawInput")
        if isinstance(raw, dict) and raw:
            return {name: value for name, value in raw.items() if (name, value) != ("cwd", self._cwd)}
        if raw:
            return {"input": raw}
        if known and known.arguments:
            return known.arguments
        if self._kinds[key] == "execute":
            title = update.get("title")
            return {"command": title} if title and update.get("status") != "pending" else {}
        # one agent tells only in words what its command was, when it is one that reads
        told = {"description": update["title"]} if self._kinds[key] in ("read", "search") and "title" in update else {}
        return _from_content(update) or told

    def _watch(self, update: Mapping[str, Any]) -> None:
        """Terminals that the agent runs itself are reported beside the protocol."""
        for name in ("terminal_output_delta", "terminal_output"):
            if isinstance(data := _dig(update, "_meta", name, "data"), str):
                terminal = str(_dig(update, "_meta", name, "terminal_id"))
                shown = self.screens.get(terminal, ("", None))
                before = shown[0] if name == "terminal_output_delta" else ""
                self.screens[terminal] = (before + data, shown[1])

    def _output(self, update: Mapping[str, Any]) -> str:
        raw, text = update.get("rawOutput"), "\n".join(_texts(update.get("content")))
        terminal = self._terminal(update)
        if terminal in self.screens:
            return self.screens[terminal][0] or text
        printed, _ = unwrapped(text)
        if isinstance(raw, str) and (not text or printed != text):
            return unwrapped(raw)[0] or printed  # the same, and whole
        if printed or not isinstance(raw, dict):
            return printed
        return next((raw[name] for name in ("output", "error", "stdout") if isinstance(raw.get(name), str)), "")

    def _exit(self, key: str, update: Mapping[str, Any]) -> int | None:
        found = [_dig(update, *place) for place in _EXIT_PLACES]
        if self._kinds[key] == "execute":
            found.append(unwrapped("\n".join(_texts(update.get("content"))))[1])
        found.append(self.screens.get(self._terminal(update), ("", None))[1])
        return next((code for code in found if isinstance(code, int) and not isinstance(code, bool)), None)

    def _terminal(self, update: Mapping[str, Any]) -> str:
        """The terminal that a call ran in: named in its content, or beside the protocol, or like the call."""
        content = update.get("content")
        parts = content if isinstance(content, list) else []
        named = [part.get("terminalId") for part in parts if isinstance(part, dict) and part.get("type") == "terminal"]
        beside = [_dig(update, "_meta", name, "terminal_id") for name in ("terminal_exit", "terminal_output_delta")]
        return str(next((name for name in (*named, *beside) if name), update.get("toolCallId")))


def _dig(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(block: Any) -> str:
    """Of a content block; what is not text leaves a visible placeholder."""
    if not isinstance(block, dict):
        return ""
    if block.get("type") == "text":
        return str(block.get("text") or "")
    embedded = _dig(block, "resource", "text")
    return embedded if isinstance(embedded, str) else f"[{block.get('type')}]"


def _texts(content: Any) -> Iterator[str]:
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "content" and (text := _text(part.get("content"))):
            yield text


def _from_content(update: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of agents that do not tell them: the place and the change that they show."""
    parts = update.get("content") if isinstance(update.get("content"), list) else []
    diff = next((part for part in parts or [] if isinstance(part, dict) and part.get("type") == "diff"), None)
    if diff is not None:
        found = {"path": diff.get("path"), "old": diff.get("oldText"), "new": diff.get("newText")}
        return {name: value for name, value in found.items() if value is not None}
    places = update.get("locations")
    path = _dig(places[0], "path") if isinstance(places, list) and places else None
    return {"path": path} if path else {}
