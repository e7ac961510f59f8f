"""Trajectories of mini-swe-agent: the bare list of messages, format 1, and format 1.1 of version 2.

Key names as in mini-swe-agent 1.0 to 2.4. A command is one fenced block of the reply, or a tool call; its result is the
next message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from assay.importers.building import Account, Call, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.harnesses import arguments_in, as_patch, task_in
from assay.importers.masking import Mask, Names, users_in
from assay.importers.mini_swe_agent_results import (
    MARK,
    NOT_RUN,
    Outcome,
    content,
    moment_of,
    outcome,
    reasoning,
    tokens,
    without_mark,
)
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.terminal import shown
from assay.importers.turns import Turn, Turns
from assay.model.identity import Identity

PRODUCT = "mini-swe-agent"
_BLOCK = re.compile(
    r"```(?:bash|mswea_bash_command)\s*\n(.*?)\n```|<mswea_bash_command>(.*?)</mswea_bash_command>", re.DOTALL
)
_THOUGHT = re.compile(r"\A\s*THOUGHTS?:\s*|^[ \t]*THOUGHTS?:[ \t]*", re.MULTILINE)
_SCREEN = re.compile(r"^mini-swe-agent \(step \d+, \$\d[\d.]*\):", re.MULTILINE)
_FIRST = 20_000
"""Characters of what was printed in which the first step must begin."""
_REFUSED = "[nothing was run: a reply must hold exactly one command]"


class MiniSweAgent:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """An object that names this format, a list of messages of which some are results of commands, or a screen."""
        data = None if source.is_folder else source.peek()
        if isinstance(data, dict):
            info = data.get("info")
            named = str(data.get("trajectory_format", "")).startswith(PRODUCT)
            return named or (isinstance(info, dict) and "mini_version" in info and "messages" in data)
        bare = isinstance(data, list) and all(map(_is_message, data)) and any(map(_is_result, data))
        return bare or (data is None and _is_screen(source))

    def read(self, source: Source) -> list[Imported]:
        """The one run."""
        if _is_screen(source):
            message = (
                "is what the program printed, wrapped at the width of its terminal: outputs cannot be told from it"
            )
            raise ImportFailed(f"{source.path}: {message}", "import the `.traj.json` that it wrote beside")
        root = source.root
        bare = isinstance(root.value, list)
        messages = list(root.elements()) if bare else root.items("messages")
        if not messages:
            root.fail("a trajectory with at least one message")
        log = _Log(root, None if bare else root.object("info"), messages)
        account = Account()
        account.dropped["cost"] += sum(log.cost(message) is not None for message in messages)
        turns = Turns(account)
        _Reading(log, turns, account).read(messages)
        draft = Draft(Mask(log.names()), account)
        turns.fill(draft)
        return [finish(draft, log.identity(source), [source.path], patch=as_patch(log.submission))]


def _is_screen(source: Source) -> bool:
    start = b"" if source.is_folder else source.content[:_FIRST]
    return start.lstrip()[:1] not in (b"{", b"[") and bool(_SCREEN.search(shown(start.decode("utf-8", "replace"))))


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and "role" in item and isinstance(item.get("content"), str)


def _is_result(item: Any) -> bool:
    return item["role"] == "user" and str(item["content"]).startswith("<returncode>")


class _Log:
    """What the log says besides the messages' texts."""

    def __init__(self, root: Node, info: Node | None, messages: Sequence[Node]) -> None:
        self.info, self.messages = info, messages
        self.config = info.object("config") if info else None
        self.instance = None if isinstance(root.value, list) else root.text("instance_id")
        last = messages[-1]
        extra = last.object("extra")
        ended = extra if last.text("role") == "exit" else None
        told = [owner for owner in (info, ended) if owner]
        self.status = next((text for owner in told if (text := owner.text("exit_status"))), None)
        handed_in = next((text for owner in told if (text := owner.text("submission"))), None)
        self.submission = handed_in or ("" if info else content(last))
        """The patch, or whatever the last command printed."""

    def setting(self, group: str, key: str) -> str | None:
        part = self.config.object(group) if self.config else None
        return part.text(key) if part else None

    @staticmethod
    def response(message: Node) -> Node | None:
        """What the provider sent: beside the message, or the message itself."""
        extra = message.object("extra")
        beside = extra.get("response") if extra else None
        if beside is not None and isinstance(beside.value, dict):
            return beside
        return message if message.text("object") == "response" else None

    def cost(self, message: Node) -> float | None:
        extra, response = message.object("extra"), self.response(message)
        usage = response.object("usage") if response else None
        told = extra.number("cost") if extra else None
        return told if told is not None else usage.number("cost") if usage else None

    def _providers(self, key: str) -> set[str]:
        responses = [response for message in self.messages if (response := self.response(message))]
        return {name for response in responses if (name := response.text(key))}

    def names(self) -> Names:
        model = self.setting("model", "model_name")
        return Names(
            agents=frozenset({PRODUCT, "mswea", "swe-agent"}),
            models=frozenset({*self._providers("model"), *([model] if model else [])}),
            vendors=frozenset(self._providers("provider")),
            users=users_in(self.setting("environment", "cwd")),
        )

    def identity(self, source: Source) -> Identity:
        stats = self.info.object("model_stats") if self.info else None
        cost = stats.number("instance_cost") if stats else None
        model = self.setting("model", "model_name")
        times = [at for message in self.messages if (at := moment_of(message)) is not None]
        extra = {
            "instance_id": self.instance,
            "cwd": self.setting("environment", "cwd"),
            "image": self.setting("environment", "image"),
            "agent_type": self.config.text("agent_type") if self.config else None,
            "exit_status": self.status,
            "cost_usd": f"{cost:.6f}" if cost else None,
            "started": f"{times[0]:.0f}" if times else None,
        }
        return Identity(
            agent=PRODUCT,
            version=self.info.text("mini_version") if self.info else None,
            model=model or ", ".join(sorted(self._providers("model"))) or None,
            source_format=PRODUCT,
            source_sha256=source.sha256,
            extra={key: value for key, value in extra.items() if value},
        )


class _Reading:
    """Walks the messages."""

    def __init__(self, log: _Log, turns: Turns, account: Account) -> None:
        self.log, self.turns, self.account = log, turns, account
        self._asked = False
        self._open: list[tuple[str, bool]] = []
        """Keys of the calls without a result, and whether they hand in."""
        self._calls = 0

    def read(self, messages: Sequence[Node]) -> None:
        for message in messages:
            role = message.text("role")
            if message.text("type") == "function_call_output" or role == "tool":
                self._result(message)
            elif role == "assistant" or message.text("object") == "response":
                self._reply(message)
            elif role == "system":
                self.account.dropped["system prompt"] += 1
            elif role == "user":
                self._user(message)
            elif role == "exit":
                self.account.dropped["mark of the end"] += 1
            else:
                self.account.skipped[f"message of role `{role}`"] += 1
        if self.log.status and self.log.status != "Submitted":
            self.account.open.append("The run ended without a hand-in.")

    def _reply(self, message: Node) -> None:
        turn = self.turns.new(moment_of(message))
        turn.cost = self.log.cost(message)
        turn.tokens = tokens(self.log.response(message))
        turn.reasoning += dict.fromkeys(reasoning(message, self.log.response(message)))
        text = content(message)
        self._open = []
        if calls := list(_tool_calls(message)):
            for call in calls:
                self._call(call, turn)
        else:
            text = self._written(message, text, turn)
        turn.texts += [plain] if (plain := without_mark(_THOUGHT.sub("", text))).strip() else []

    def _written(self, message: Node, text: str, turn: Turn) -> str:
        """The reply without its command, which becomes a call; a reply with none or several is left as it is."""
        extra = message.object("extra")
        actions = [action.text("command") or "" for action in extra.items("actions")] if extra else []
        blocks = list(_BLOCK.finditer(text))
        if len(actions) != 1 and len(blocks) != 1:
            return text.replace("mswea_bash_command", "bash")
        command = actions[0] if len(actions) == 1 else (blocks[0][1] or blocks[0][2] or "").strip()
        self._calls += 1
        self._call(Call(f"{self._calls}", "bash", {"command": command}), turn)
        if len(blocks) != 1:
            return text
        return f"{text[: blocks[0].start()].rstrip()}\n\n{text[blocks[0].end() :].lstrip()}".strip()

    def _call(self, call: Call, turn: Turn) -> None:
        written = call.arguments.get("command") if isinstance(call.arguments, dict) else call.arguments
        ends = isinstance(written, str) and MARK.search(written) is not None
        if isinstance(written, str) and ends:
            call = Call(call.key, "submit", {"command": without_mark(written)} if call.name == "bash" else {})
            self.account.dropped["mark that hands in"] += 1
        self.turns.call(call, turn)
        self._open.append((call.key, ends))

    def _user(self, message: Node) -> None:
        text, last = content(message), self.turns.last()
        if not self._asked:
            self._asked = True
            self.turns.user(task_in(text, self.account, self.log.setting("agent", "instance_template")))
        elif self._open:
            self._result(message)
        elif (extra := message.object("extra")) and extra.text("interrupt_type") == "FormatError":
            self._lost(message, extra)
            self._refuse()
        elif last and not last.calls and not last.results and (_BLOCK.search(text) or "EXACTLY ONE" in text):
            self._refuse()
        elif text.strip():
            self.turns.user(without_mark(text), moment_of(message))
        else:
            self.account.dropped["mark of the end"] += 1

    def _lost(self, message: Node, extra: Node) -> None:
        """A reply of the wrong form, which version 2 keeps only in the complaint about it."""
        turn = self.turns.new(moment_of(message))
        turn.cost, response = self.log.cost(message), self.log.response(message)
        turn.tokens = tokens(response)
        choices = response.items("choices") if response else []
        reply = choices[0].object("message") if choices else None
        text = extra.text("model_response") or (content(reply) if reply else "")
        turn.texts += [without_mark(_THOUGHT.sub("", text))] if text else []

    def _refuse(self) -> None:
        self.account.dropped["complaint about the form of a reply"] += 1
        self.turns.result(Result(None, _REFUSED, {"is_error": True}))

    def _result(self, message: Node) -> None:
        key = message.text("tool_call_id") or message.text("call_id")
        found = next((pair for pair in self._open if pair[0] == key), None)
        if key is None and self._open:
            found = self._open[0]
        if found:
            self._open.remove(found)
        came = outcome(message, content(message))
        if found and found[1] and (came.content == NOT_RUN or "exit_code" not in came.facts):
            came = Outcome(self.log.submission, {})
        self.turns.result(Result(found[0] if found else key, came.content, came.facts))


def _tool_calls(message: Node) -> Iterator[Call]:
    """Calls as chat replies have them, and as items of a response."""
    for call in message.items("tool_calls"):
        function = call.object("function") or call.fail("a call of a function")
        yield _called(call.text("id"), function)
    for item in message.items("output") if message.text("object") == "response" else ():
        if item.text("type") == "function_call":
            yield _called(item.text("call_id") or item.text("id"), item)


def _called(key: str | None, function: Node) -> Call:
    arguments = function.get("arguments")
    return Call(key or "", function.text("name") or "", arguments_in(arguments.value) if arguments else None)
