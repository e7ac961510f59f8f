"""Claude Code: session files in JSON Lines with the folder of their subagents, web exports, and `stream-json` output.

Lines of one `message.id` are one reply: each block of it is a line, and each line repeats the usage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish, records
from assay.importers.claude_way import TURNS, blocks, message_id, way
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.turns import Turn, Turns, moment
from assay.model.identity import Identity

PRODUCT = "claude-code"
SPOKEN = frozenset({PRODUCT, "Claude"})
VENDOR = "Anthropic"
_LEFT_OUT: Mapping[str, str] = {
    "summary": "session title",
    "ai-title": "session title",
    "custom-title": "session title",
    "agent-name": "session title",
    "last-prompt": "session title",
    "file-history-snapshot": "snapshot",
    "progress": "progress mark",
    "queue-operation": "mark of the input queue",
    "system": "mark of the program",
    "attachment": "context that the program put in",
    "permission-mode": "settings of a turn",
    "mode": "settings of a turn",
    "pr-link": "mark of the program",
    "result": "summary of the run",
    "stream_event": "part of a reply that follows whole",
    "rate_limit_event": "mark of the program",
    "control_request": "mark of the program",
    "control_response": "mark of the program",
}
_REMINDER = re.compile(r"\s*<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
_PROGRAMS = re.compile(
    r"\s*(?:<(?:command-(?:name|message|args)|local-command-\w+|bash-(?:input|stdout|stderr)|task-notification"
    r"|user-prompt-submit-hook|ide_\w+)\b|Caveat: The messages below were generated)"
)
_EXIT = re.compile(r"Exit code (\d+)\b")


class ClaudeCode:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """Lines that know their parents or begin with `system`/`init`, or an object with `loglines`."""
        data = source.peek()
        if isinstance(data, dict) and isinstance(data.get("loglines"), list):
            return True
        return any(_is_line(line) or _is_init(line) for line in source.head) and not any(
            "qwen_code_version" in line for line in source.head
        )

    def read(self, source: Source) -> list[Imported]:
        """The session, and the delegated runs that lie in the folder beside it."""
        account = Account()
        data = source.peek()
        web = isinstance(data, dict) and "loglines" in data
        nodes = source.root.items("loglines") if web else records(source, account)
        if not any(node.text("type") in TURNS for node in nodes):
            raise ImportFailed(f"{source.path}: must be a session with messages, found none")
        reading = Reading(source, nodes, account, Names(agents=SPOKEN, vendors=frozenset({VENDOR})))
        return [reading.imported(PRODUCT, "claude-code-web" if web else "claude-code-jsonl")]


def _is_line(line: Mapping[str, Any]) -> bool:
    message = line.get("message")
    return "parentUuid" in line and isinstance(message, dict) and "content" in message and "parts" not in message


def _is_init(line: Mapping[str, Any]) -> bool:
    return line.get("type") == "system" and line.get("subtype") == "init" and "session_id" in line


class Reading:
    """One session. Also used for other programs that write the same lines."""

    def __init__(self, source: Source, nodes: Sequence[Node], account: Account, who: Names) -> None:
        self.account = account
        self.files = [source]
        self._nodes = nodes
        runs = list(self._runs(source))
        self._children = dict(runs)
        every = [*nodes, *(node for _, lines in runs for node in lines)]
        models = {model for node in every if (model := _model(node))}
        directories = [node.text("cwd") for node in every]
        self.mask = Mask(who | Names(models=frozenset(models), users=users_in(*directories)))
        self._names: dict[str, str] = {}

    def imported(self, agent: str, form: str) -> Imported:
        """The whole session."""
        draft = Draft(self.mask, self.account)
        own = [node for node in self._nodes if not self._delegated(node)]
        self._inline()
        for key, nodes in self._children.items():
            inner = Draft(self.mask, self.account)
            self._fill(inner, nodes)
            if inner.steps:
                name = f"delegated-{len(draft.children) + 1}"
                self._names |= {key: name, self._caller(nodes): name}
                draft.children.append(inner.trajectory(name=name))
        self._fill(draft, way(own, self.account))
        return finish(draft, self._identity(agent, form), [source.path for source in self.files])

    def _delegated(self, node: Node) -> bool:
        """Whether a line of the main file belongs to a delegated run; a file of its own has only such lines."""
        if node.text("parent_tool_use_id"):
            return True
        return node.flag("isSidechain") and any(
            other.text("type") in TURNS and not other.flag("isSidechain") for other in self._nodes
        )

    def _caller(self, nodes: Sequence[Node]) -> str:
        """The call that began a delegated run: its prompt is what the run was told first."""
        message = nodes[0].object("message")
        told = message.get("content") if message else None
        for node in self._nodes:
            for block in blocks(node):
                given = block.value.get("input")
                if told and isinstance(given, dict) and given.get("prompt") == told.value:
                    return block.text("id") or ""
        return ""

    def _inline(self) -> None:
        """Delegated runs within the main file, by the call or the first line that began them."""
        groups: dict[str, list[Node]] = {}
        roots: dict[str, str] = {}
        for node in filter(self._delegated, self._nodes):
            name = node.text("uuid") or ""
            root = node.text("parent_tool_use_id") or roots.get(node.text("parentUuid") or "") or name
            roots[name] = root
            groups.setdefault(root, []).append(node)
        self._children |= groups

    def _runs(self, source: Source) -> Iterator[tuple[str, list[Node]]]:
        """Delegated runs in files of their own, by the id that the results of their calls name."""
        for node in self._nodes:
            result = node.value.get("toolUseResult")
            name = result.get("agentId") if isinstance(result, dict) else None
            session = node.text("sessionId") or source.path.stem
            file = source.beside(f"{session}/subagents/agent-{name}.jsonl") if isinstance(name, str) else None
            if file and all(file.path != known.path for known in self.files):
                self.files.append(file)
                yield str(name), records(file, self.account)

    def _fill(self, draft: Draft, nodes: Sequence[Node]) -> None:
        turns = Turns(self.account)
        replies: dict[str, Turn] = {}
        for node in nodes:
            kind = node.text("type") or "none"
            if kind == "assistant":
                self._reply(node, turns, replies)
            elif kind == "user":
                self._user(node, turns)
            elif kind in _LEFT_OUT:
                self.account.dropped[_LEFT_OUT[kind]] += 1
            else:
                self.account.skipped[f"line `{kind}`"] += 1
        turns.fill(draft)

    def _reply(self, node: Node, turns: Turns, replies: dict[str, Turn]) -> None:
        message = node.object("message") or node.fail("a line with `message`")
        key = message_id(node) or f"line {id(node)}"
        turn = replies[key] if key in replies else turns.new(moment(node.text("timestamp")))
        replies[key] = turn
        turn.closed = True
        content = message.get("content")
        if content and isinstance(content.value, str):
            turn.texts.append(content.value)
        for block in blocks(node):
            self._block(block, turn, turns)
        usage = message.object("usage")
        if usage:
            turn.tokens = _tokens(usage)
        self.account.dropped["timestamp"] += node.text("timestamp") is not None

    def _block(self, block: Node, turn: Turn, turns: Turns) -> None:
        kind = block.text("type") or "none"
        if kind == "text":
            turn.texts += [text] if (text := (block.text("text") or "").strip()) else []
        elif kind == "thinking":
            self.account.dropped["signature of reasoning"] += block.text("signature") is not None
            turn.reasoning += [thought] if (thought := block.text("thinking")) else []
        elif kind == "redacted_thinking":
            self.account.dropped["reasoning without text (empty or encrypted)"] += 1
        elif kind in ("tool_use", "server_tool_use"):
            given = block.get("input")
            turns.call(Call(block.text("id") or "", block.text("name") or "", given.value if given else None), turn)
        else:
            self.account.skipped[f"block `{kind}`"] += 1

    def _user(self, node: Node, turns: Turns) -> None:
        message = node.object("message") or node.fail("a line with `message`")
        content = message.get("content")
        texts: list[str] = [content.value] if content and isinstance(content.value, str) else []
        for block in blocks(node):
            if block.text("type") == "tool_result":
                turns.result(self._result(node, block))
            else:
                texts += [self._part(block)]
        if node.flag("isCompactSummary"):
            self.account.dropped["compaction summary"] += 1
            return
        if node.flag("isMeta"):
            self.account.dropped["text that the program put into the user's message"] += bool(texts)
            return
        if own := [text for text in map(self._own, texts) if text]:
            turns.user("\n".join(own), moment(node.text("timestamp")))

    def _own(self, text: str) -> str:
        """What a person said of a text."""
        if _PROGRAMS.match(text):
            self.account.dropped["command of the program's own, or what it gave"] += 1
            return ""
        return self._unreminded(text).strip()

    def _unreminded(self, text: str) -> str:
        """Without reminders of the program, which stand in texts and in outputs alike."""
        if "<system-reminder>" not in text:
            return text
        text, number = _REMINDER.subn("", text)
        self.account.dropped["reminder that the program put in"] += number
        return text

    def _part(self, block: Node) -> str:
        kind = block.text("type") or "none"
        if kind == "text":
            return block.text("text") or ""
        if kind in ("image", "document"):
            self.account.dropped["attachment"] += 1
            return "[attachment]"
        if kind == "tool_reference":
            self.account.dropped["tool definitions"] += 1
            return ""
        self.account.skipped[f"block `{kind}`"] += 1
        return ""

    def _result(self, node: Node, block: Node) -> Result:
        content = block.get("content")
        parts = [content.value] if content and isinstance(content.value, str) else []
        parts += [self._part(part) for part in content.elements()] if content and not parts else []
        text = self._unreminded("\n".join(parts))
        facts: dict[str, Any] = {}
        if block.flag("is_error"):
            facts["is_error"] = True
            if code := _EXIT.match(text):
                facts["exit_code"] = int(code[1])
        twin = node.value.get("toolUseResult")
        self.account.dropped["second copy of a result"] += twin is not None
        key = block.text("tool_use_id")
        name = twin.get("agentId") if isinstance(twin, dict) else None
        child = self._names.get(str(name)) or self._names.get(key or "")
        return Result(key, text, facts, [child] if child else [])

    def _identity(self, agent: str, form: str) -> Identity:
        found = {
            key: self._first(key) for key in ("sessionId", "session_id", "version", "cwd", "gitBranch", "timestamp")
        }
        init = next((node for node in self._nodes if _is_init(node.value)), None)
        version = found["version"]
        for key in ("claude_code_version", "qwen_code_version"):
            version = version or (init.text(key) if init else None)
        extra = {
            "session_id": found["sessionId"] or found["session_id"],
            "directory": found["cwd"],
            "branch": found["gitBranch"],
            "started": found["timestamp"],
        }
        models = dict.fromkeys(model for node in self._nodes if (model := _model(node)))
        return Identity(
            agent=agent,
            version=version,
            model=", ".join(models) or None,
            source_format=form,
            source_sha256=self.files[0].sha256,
            extra={key: value for key, value in extra.items() if value},
        )

    def _first(self, key: str) -> str | None:
        return next((value for node in self._nodes if isinstance(value := node.value.get(key), str) and value), None)


def _model(node: Node) -> str | None:
    """Of a reply; the program itself answers as `<synthetic>`."""
    message = node.object("message") if node.text("type") == "assistant" else None
    model = message.text("model") if message else None
    return None if model is None or model.startswith("<") else model


def _tokens(usage: Node) -> dict[str, int | None]:
    """ATIF counts cached tokens as prompt tokens; here `input_tokens` is without them."""
    read, written = usage.count("cache_read_input_tokens") or 0, usage.count("cache_creation_input_tokens") or 0
    return {
        "prompt_tokens": (usage.count("input_tokens") or 0) + read + written,
        "completion_tokens": usage.count("output_tokens"),
        "cached_tokens": read,
    }
