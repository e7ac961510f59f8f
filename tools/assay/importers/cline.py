"""The conversation of a Cline task, `api_conversation_history.json`: a list of `{role, content}`.

Calls are blocks of their own, or XML in the text of older versions; results are texts `[tool for 'x'] Result:` in the
order of the calls, or blocks that name their call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.turns import Turn, Turns
from assay.model.identity import Identity

PRODUCT = "cline"
_XML = re.compile(
    r"""<(?P<tool>execute_command|read_file|write_to_file|replace_in_file|search_files|list_files|browser_action
    |list_code_definition_names|use_mcp_tool|access_mcp_resource|ask_followup_question|attempt_completion
    |plan_mode_respond|act_mode_respond|new_task|condense|load_mcp_documentation|web_fetch|web_search|new_rule
    |report_bug|use_skill|apply_patch)>(?P<inner>.*?)</(?P=tool)>""",
    re.DOTALL | re.VERBOSE,
)
_PARAMETER = re.compile(r"<(?P<name>[a-z_]+)>(?P<value>.*)</(?P=name)>", re.DOTALL)
_OPENING = re.compile(r"<([a-z_]+)>")
_THINKING = re.compile(r"<thinking>(.*?)</thinking>", re.DOTALL)
_RESULT = re.compile(r"\[(?P<tool>[a-z_]+)(?: (?:for|to|in) [^\n]*?)?\] Result:\s*")
_TASK = re.compile(r"\s*<(task|user_message|feedback)>\n?(.*?)\n?</\1>\s*", re.DOTALL)
_INJECTED = re.compile(
    r"\s*(?:<(?:environment_details|explicit_instructions|hook_context|file_content)\b|# TODO LIST|# task_progress"
    r"|\[TASK RESUMPTION\]|\[ERROR\] You did not use a tool)"
)
"""How texts begin that the program puts into the user's messages."""
_FOLDER = re.compile(r"Current Working Directory \((/[^)\n]+|[A-Za-z]:[^)\n]+)\)")


class Cline:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """A list of messages; the first is the user's and begins with `<task>`."""
        data = source.peek()
        first = data[0] if isinstance(data, list) and data else None
        if not isinstance(first, dict) or first.get("role") != "user":
            return False
        content = first.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        return any(isinstance(text, str) and text.lstrip().startswith("<task>") for text in texts)

    def read(self, source: Source) -> list[Imported]:
        """The task. Its side file `task_metadata.json`, where it lies beside it, tells versions and models."""
        messages = list(source.root.elements())
        if not messages:
            source.root.fail("a list with at least one message")
        account = Account()
        side = _side(source, account)
        facts = _Facts(messages, side.root if side else None)
        turns = Turns(account)
        reading = _Reading(turns, account)
        for message in messages:
            reading.message(message)
        draft = Draft(Mask(facts.names), account)
        turns.fill(draft)
        files = [source.path, *([side.path] if side else [])]
        return [finish(draft, facts.identity(source), files)]


class _Reading:
    """Walks the messages."""

    def __init__(self, turns: Turns, account: Account) -> None:
        self.turns = turns
        self.account = account
        self._calls = 0
        self._waiting: list[tuple[str, str]] = []
        """Keys and tools of calls that have no result yet."""

    def message(self, message: Node) -> None:
        role, stamp = message.text("role"), message.number("ts")
        self.account.dropped["timestamp"] += stamp is not None
        at = None if stamp is None else stamp / 1000
        if role == "assistant":
            self._assistant(message, at)
        elif role == "user":
            self._user(message, at)
        else:
            self.account.skipped[f"message of role `{role}`"] += 1

    def _blocks(self, message: Node) -> Iterator[tuple[str, str, Node]]:
        """Kind, text and node of every block; a bare text is one block."""
        content = message.get("content")
        if content and isinstance(content.value, str):
            yield "text", content.value, message
        elif content:
            for block in content.elements():
                yield block.text("type") or "none", block.text("text") or "", block

    def _assistant(self, message: Node, at: float | None) -> None:
        reply = self.turns.new(at)
        reply.closed = True
        self._waiting = []
        for kind, text, block in self._blocks(message):
            if kind == "text":
                self._said(text, reply)
            elif kind == "thinking":
                self.account.dropped["signature of reasoning"] += block.get("signature") is not None
                reply.reasoning += [thought] if (thought := block.text("thinking")) else []
            elif kind == "redacted_thinking":
                self.account.dropped["encrypted reasoning"] += 1
            elif kind == "tool_use":
                given = block.get("input")
                self._call(reply, block.text("name") or "", given.value if given else None, block.text("id"))
            else:
                self._other(kind)
        metrics = message.object("metrics")
        if metrics:
            reply.tokens, reply.cost = _tokens(metrics), metrics.number("cost")
            self.account.dropped["cost"] += reply.cost is not None

    def _other(self, kind: str) -> str:
        if kind in ("image", "document"):
            self.account.dropped["attachment"] += 1
            return "[attachment]"
        self.account.skipped[f"block `{kind}`"] += 1
        return ""

    def _said(self, text: str, reply: Turn) -> None:
        """What the agent says, without the thoughts and calls that older versions wrote into it."""
        for thought in _THINKING.findall(text):
            reply.reasoning.append(thought.strip())
        text = _THINKING.sub("", text)
        for found in _XML.finditer(text):
            self._call(reply, found["tool"], dict(_parameters(found["inner"])), None)
        rest = _XML.sub("", text).strip()
        reply.texts += [rest] if rest else []

    def _call(self, reply: Turn, name: str, arguments: Any, key: str | None) -> None:
        self._calls += 1
        key = key or f"{self._calls}"
        self._waiting.append((key, name))
        self.turns.call(Call(key, name, arguments), reply)

    def _user(self, message: Node, at: float | None) -> None:
        texts: list[str] = []
        results: list[tuple[str | None, list[str], bool]] = []
        for kind, text, block in self._blocks(message):
            header = _RESULT.match(text) if kind == "text" else None
            if kind == "tool_result":
                key, failed = block.text("tool_use_id"), block.flag("is_error")
                self._waiting = [pair for pair in self._waiting if pair[0] != key]
                results.append((key, [self._returned(block)], failed))
            elif kind == "text" and _INJECTED.match(text):
                self.account.dropped["text that the program put into the user's message"] += 1
            elif header:
                results.append((self._answered(header["tool"]), [text[header.end() :]], False))
            elif results and not any(results[-1][1]) and not _TASK.fullmatch(text):
                results[-1][1].append(text if kind == "text" else self._other(kind))
            else:
                texts.append(_plain(text) if kind == "text" else self._other(kind))
        for key, parts, failed in results:
            content = _RESULT.sub("", "\n".join(filter(None, parts)), count=1)
            self.turns.result(Result(key, content, {"is_error": True} if failed else {}))
        said = "\n".join(filter(None, texts))
        if said:
            self.turns.user(said, at)

    def _returned(self, block: Node) -> str:
        content = block.get("content")
        if content is None or isinstance(content.value, str):
            return content.value if content else ""
        parts = [(part.text("type") or "none", part.text("text")) for part in content.elements()]
        return "\n".join(text or "" if kind == "text" else self._other(kind) for kind, text in parts)

    def _answered(self, tool: str) -> str | None:
        """The first call that waits and has this tool; None when nothing does."""
        found = next((pair for pair in self._waiting if pair[1] == tool), None)
        if found is None:
            self.account.odd["results for which no call was found"] += 1
            return None
        self._waiting.remove(found)
        return found[0]


def _parameters(inner: str) -> Iterator[tuple[str, str]]:
    """Parameters of a call in XML. A value may hold tags itself: it ends at the last end of its own."""
    at = 0
    while opening := _OPENING.search(inner, at):
        found = _PARAMETER.match(inner, opening.start())
        if found is None:
            at = opening.end()
            continue
        yield found["name"], found["value"].strip("\n")
        at = found.end()


def _plain(text: str) -> str:
    """The user's words without the tags around them."""
    found = _TASK.match(text)
    return found[2] + (f"\n{rest}" if (rest := text[found.end() :].strip()) else "") if found else text


def _tokens(metrics: Node) -> dict[str, int | None]:
    """ATIF counts cached tokens as prompt tokens; here `prompt` is without them."""
    tokens = metrics.object("tokens") or metrics
    cached = tokens.count("cached")
    return {
        "prompt_tokens": (tokens.count("prompt") or 0) + (cached or 0),
        "completion_tokens": tokens.count("completion"),
        "cached_tokens": cached,
    }


def _side(source: Source, account: Account) -> Source | None:
    """The side file, when it can be read."""
    side = source.beside("task_metadata.json")
    try:
        return side if side and isinstance(side.document.data, dict) else None
    except ImportFailed as error:
        account.notes.append(f"The side file cannot be read: {error.message}")
        return None


class _Facts:
    """Who the log says it is from."""

    def __init__(self, messages: Sequence[Node], side: Node | None) -> None:
        used = [info for message in messages if (info := message.object("modelInfo"))]
        models = [(info.text("providerId"), info.text("modelId")) for info in used]
        if side:
            usages = side.items("model_usage")
            models += [(usage.text("model_provider_id"), usage.text("model_id")) for usage in usages]
        self.models = list(dict.fromkeys((vendor, model) for vendor, model in models if model))
        environments = side.items("environment_history") if side else []
        self.version = next((version for one in environments if (version := one.text("cline_version"))), None)
        self.folder = next(iter(_folders(messages)), None)
        self.started = messages[0].number("ts")
        self.names = Names(
            agents=frozenset({PRODUCT}),
            models=frozenset(model for _, model in self.models if model),
            vendors=frozenset(vendor for vendor, _ in self.models if vendor),
            users=users_in(self.folder),
        )

    def identity(self, source: Source) -> Identity:
        extra = {"directory": self.folder, "started": f"{self.started / 1000:.3f}" if self.started else None}
        return Identity(
            agent=PRODUCT,
            version=self.version,
            model=", ".join(f"{vendor}/{model}" if vendor else model for vendor, model in self.models if model) or None,
            source_format="cline-conversation",
            source_sha256=source.sha256,
            extra={key: value for key, value in extra.items() if value},
        )


def _folders(messages: Sequence[Node]) -> Iterator[str]:
    for message in messages:
        content = message.get("content") if message.text("role") == "user" else None
        texts = content.value if content else None
        for part in texts if isinstance(texts, list) else [texts]:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str) and (found := _FOLDER.search(text)):
                yield found[1]
