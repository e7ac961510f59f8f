"""Trajectories of SWE-agent 0.x and 1.x, and demonstrations, which may hold the `history` only.

What was done is in `trajectory`, one step each; the task and the tool calls are in `history`. Since 1.0 each step has a
copy of the whole conversation so far (`query` or `messages`), which is never looked into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.documents import parse
from assay.importers.building import Account, Call, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.harnesses import arguments_in, as_patch, task_in, without_tools
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import Node, Quoted, Source
from assay.importers.swe_agent_actions import named, without_state, written
from assay.importers.turns import Turns
from assay.model.identity import Identity

PRODUCT = "swe-agent"
_STEP = "action observation response thought state execution_time query messages extra_info step_id tool_calls"
_NO_MODELS = frozenset({"replay", "human", "human_thought", "instant_empty_submit"})
_FOLDER = re.compile(r"(?P<model>\w[\w.-]*?)__\w.*__t-\d")
"""Runs of 0.x were kept in folders that begin with the model."""
_MODEL = re.compile(r"^\s*model_name:\s*['\"]?([^\s'\"]+)", re.MULTILINE)
_WHOLE_RUN = "Tokens are counted for the whole run; they stand at the last reply."

_CUT_SHORT = "A limit ended the run; what was there was handed in."
_UNFINISHED = "The run ended without a hand-in."


class SweAgent:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """An object with a `history` of messages, or with a `trajectory` of actions and observations."""
        data = None if source.is_folder else source.peek()
        if not isinstance(data, dict):
            return False
        said, done = (_first(data.get(key)) for key in ("history", "trajectory"))
        return {"role", "content"} <= said.keys() or (not said and {"action", "observation"} <= done.keys())

    def read(self, source: Source) -> list[Imported]:
        """The one run."""
        root, account = source.root, Account()
        log = _Log(source, root.mapping(), account)
        turns = Turns(account)
        if task := log.task():
            turns.user(task)
        _fill(turns, log, account)
        draft = Draft(Mask(log.names()), account)
        turns.fill(draft)
        files = [source.path, *([log.beside.path] if log.beside and log.from_beside else [])]
        submission = log.info.text("submission") if log.info else None
        return [finish(draft, log.identity(source), files, patch=as_patch(submission))]


def _first(value: Any) -> dict[str, Any]:
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}


@dataclass(frozen=True)
class _Move:
    """One step: what was thought and done, and what came back."""

    thought: str
    action: str
    calls: Sequence[Node]
    reasoning: Sequence[str]
    observation: str | None
    seconds: float | None = None


class _Log:
    """What the log says: settings, conversation, steps."""

    def __init__(self, source: Source, root: Node, account: Account) -> None:
        self.root, self.account = root, account
        self.info = root.object("info")
        self.config = _config(source, root, account)
        self.beside = source.beside("args.yaml")
        self.from_beside = False
        every = root.items("history")
        own = [item for item in every if not _is_shown(item)]
        only_shown = not root.items("trajectory") and all(item.text("role") != "assistant" for item in own)
        self.history = every if only_shown else own
        account.dropped["message of a demonstration"] += len(every) - len(self.history)
        account.dropped["system prompt"] += sum(item.text("role") == "system" for item in self.history)
        self.models = list(dict.fromkeys(self._models(source)))

    def setting(self, *keys: str) -> str | None:
        node = self.config
        for key in keys[:-1]:
            node = node.object(key) if node else None
        return node.text(keys[-1]) if node else None

    def _models(self, source: Source) -> Iterator[str]:
        if self.config:
            model = self.setting("agent", "model", "name") or self.setting("agent", "model", "model_name")
            if model and model not in _NO_MODELS:
                yield model
        elif self.beside and (written := _MODEL.search(self.beside.content.decode("utf-8", "replace"))):
            self.from_beside = True
            yield written[1]
        elif (folder := _FOLDER.match(source.path.resolve().parent.name)) and folder["model"] not in _NO_MODELS:
            yield folder["model"]

    def task(self) -> str | None:
        first = next((item for item in self.history if item.text("role") == "user"), None)
        if first is None:
            return None
        template = self.setting("agent", "templates", "instance_template")
        task = self.setting("problem_statement", "text")
        return task_in(without_state(_text(first)), self.account, template, task)

    def moves(self) -> Iterator[_Move]:
        """The steps; of a log without any, the replies of its conversation with what follows each."""
        steps = self.root.items("trajectory")
        replies = [item for item in self.history if item.text("role") == "assistant"]
        at, known = 0, frozenset(_STEP.split())
        for step in steps:
            self.account.skipped.update(f"key `{key}` of a step" for key in step.foreign(known))
            self.account.dropped["copy of the conversation so far"] += "query" in step.value or "messages" in step.value
            self.account.dropped["state of the interface"] += bool(step.value.get("state"))
            action = step.text("action") or ""
            same = (place for place in range(at, len(replies)) if _action(replies[place]) == action.strip())
            place = next(same, None)
            reply = None if place is None else replies[place]
            at = at if place is None else place + 1
            thought = step.text("response") if step.get("thought") is None else step.text("thought")
            yield _move(thought or "", action, reply, step.text("observation"), step.number("execution_time"))
        if not steps:
            yield from self._conversation()

    def _conversation(self) -> Iterator[_Move]:
        reply, answers = None, list[str]()
        for item in [*self.history, None]:
            role = item.text("role") if item else "assistant"
            if role == "assistant":
                if reply:
                    thought = reply.text("thought") or _text(reply)
                    yield _move(thought, _action(reply), reply, "\n".join(answers) if answers else None, None)
                reply, answers = item, []
            elif role in ("user", "tool") and reply and item:
                answers.append(_text(item))
            elif role not in ("system", "user"):
                self.account.skipped[f"message of role `{role}`"] += 1

    def names(self) -> Names:
        return Names(
            agents=frozenset({PRODUCT}),
            models=frozenset(self.models),
            users=users_in(self.setting("env", "repo", "path"), self.setting("output_dir")),
        )

    def identity(self, source: Source) -> Identity:
        stats = self.info.object("model_stats") if self.info else None
        cost = stats.number("instance_cost") if stats else None
        extra = {
            "instance_id": self.setting("problem_statement", "id"),
            "image": self.setting("env", "deployment", "image"),
            "environment": self.root.text("environment"),
            "exit_status": self.info.text("exit_status") if self.info else None,
            "cost_usd": f"{cost:.6f}" if cost else None,
        }
        return Identity(
            agent=PRODUCT,
            version=self.info.text("swe_agent_version") if self.info else None,
            model=", ".join(self.models) or None,
            source_format=PRODUCT,
            source_sha256=source.sha256,
            extra={key: value for key, value in extra.items() if value},
        )


def _config(source: Source, root: Node, account: Account) -> Node | None:
    """The settings of the run: an object, or the same as JSON text."""
    node = root.get("replay_config")
    if node is None or not isinstance(node.value, str):
        return node.mapping() if node else None
    document = parse(node.value, str(source.path), ".json")[0]
    if document is None or not isinstance(document.data, dict):
        account.notes.append("The settings of the run could not be read.")
        return None
    return Quoted(source, source.position(node.loc).line, document).root


def _is_shown(item: Node) -> bool:
    """Whether a message was only shown to the agent as an example."""
    return item.value.get("is_demo") is True or item.text("message_type") == "demonstration"


def _action(reply: Node) -> str:
    return (reply.text("action") or "").strip()


def _text(item: Node) -> str:
    content = item.get("content")
    if content is None or isinstance(content.value, str):
        return content.value if content else ""
    return "\n".join(part.text("text") or f"[{part.text('type') or 'attachment'}]" for part in content.elements())


def _move(thought: str, action: str, reply: Node | None, observation: str | None, seconds: float | None) -> _Move:
    blocks = reply.items("thinking_blocks") if reply else []
    reasoning = [text for block in blocks if (text := block.text("thinking"))]
    return _Move(thought, action, reply.items("tool_calls") if reply else [], reasoning, observation, seconds)


def _fill(turns: Turns, log: _Log, account: Account) -> None:
    last, calls = None, 0
    for move in log.moves():
        turn = last = turns.new()
        turn.texts += [thought] if (thought := without_tools(move.thought).strip()) else []
        turn.reasoning += map(without_tools, move.reasoning)
        keys = []
        for name, arguments in _called(move):
            calls += 1
            keys.append(f"{calls}")
            turns.call(Call(keys[-1], name, arguments), turn)
        if move.observation is not None:
            facts = {} if move.seconds is None or not keys else {"seconds": round(move.seconds, 3)}
            turns.result(Result(keys[0] if keys else None, without_state(move.observation), facts))
    stats, status = (log.info.object("model_stats"), log.info.text("exit_status")) if log.info else (None, None)
    sent = stats.count("tokens_sent") if stats else None
    if last and stats and sent:
        last.tokens = {"prompt_tokens": sent, "completion_tokens": stats.count("tokens_received")}
        account.open.append(_WHOLE_RUN)
    account.dropped["cost"] += bool(stats and stats.number("instance_cost"))
    if status and status != "submitted":
        account.open.append(_CUT_SHORT if status.startswith("submitted") else _UNFINISHED)


def _called(move: _Move) -> Iterator[tuple[str, Any]]:
    for call in move.calls:
        function = call.object("function") or call.fail("a call of a function")
        arguments = function.get("arguments")
        yield named(function.text("name") or "", arguments_in(arguments.value) if arguments else None)
    if not move.calls and move.action.strip():
        yield written(move.action)
