"""Events of the OpenHands SDK, which say by `kind` what they are, and the state that is kept beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.importers.building import Account, Call, Result
from assay.importers.harnesses import arguments_in, task_in, without_tools
from assay.importers.openhands_events import UNENDED, reasoning, without_harness
from assay.importers.source import Node
from assay.importers.turns import Turn, Turns, moment

_MARKS = """
    SystemPromptEvent ConversationStateUpdateEvent Condensation CondensationEvent CondensationRequest
    CondensationSummaryEvent PauseEvent LLMCompletionLogEvent TokenEvent StreamingDeltaEvent
"""
"""Events of the program's own."""
_NOT_FINISHED = frozenset({"idle", "running", "paused", "waiting_for_confirmation", "error", "stuck"})


class State:
    """What `base_state.json` says."""

    def __init__(self, root: Node) -> None:
        self.root = root
        agent, workspace = root.object("agent"), root.object("workspace")
        llm = agent.object("llm") if agent else None
        model = llm.text("model") if llm else None
        self.models = [model] if model else []
        self.folders = (workspace.text("working_dir") if workspace else None, root.text("persistence_dir"))
        self.unfinished = root.text("execution_status") in _NOT_FINISHED
        self.used: dict[str, tuple[dict[str, int | None], float | None]] = {}
        """Tokens and cost by the provider's id of the reply."""
        total = 0.0
        stats = root.object("stats")
        usages = stats.object("usage_to_metrics") if stats else None
        for name in usages.value if usages else ():
            metrics = usages.object(name) if usages else None
            if metrics:
                total += metrics.number("accumulated_cost") or 0
                self._count(metrics)
        self.cost = f"{total:.6f}" if total else None

    def _count(self, metrics: Node) -> None:
        usages, costs = metrics.items("token_usages"), metrics.items("costs")
        for place, usage in enumerate(usages):
            tokens = {
                "prompt_tokens": usage.count("prompt_tokens"),
                "completion_tokens": usage.count("completion_tokens"),
                "cached_tokens": usage.count("cache_read_tokens"),
            }
            cost = costs[place].number("cost") if len(costs) == len(usages) else None
            if reply := usage.text("response_id"):
                self.used[reply] = tokens, cost


class Typed:
    """Walks the events."""

    def __init__(self, turns: Turns, account: Account, state: State | None) -> None:
        self.turns, self.account, self.state = turns, account, state
        self._reply: str | None = None
        self._turn: Turn | None = None
        self._asked = False
        self._ends = set[str]()
        """Keys of the calls that only end the run."""

    def read(self, events: Sequence[Node]) -> None:
        """Put every event where it belongs."""
        for event in events:
            kind = event.text("kind") or "none"
            if kind == "MessageEvent":
                self._message(event)
            elif kind == "ActionEvent":
                self._action(event)
            elif kind == "ObservationEvent":
                self._observed(event)
            elif kind in ("AgentErrorEvent", "UserRejectObservation"):
                text = event.text("error") or event.text("rejection_reason") or ""
                self.turns.result(Result(event.text("tool_call_id"), without_tools(text), {"is_error": True}))
            elif kind in _MARKS.split():
                self.account.dropped[f"{kind} of the program"] += 1
            elif kind == "ConversationErrorEvent":
                self.account.odd["errors of the program"] += 1
            else:
                self.account.skipped[f"event `{kind}`"] += 1

    def _message(self, event: Node) -> None:
        message = event.object("llm_message") or event
        text, at = _text(message), moment(event.text("timestamp"))
        if event.text("source") == "agent":
            turn = self._open(event, message, at)
            turn.texts += [without_tools(text)] if text else []
            return
        self.account.dropped["context that the program added to a message"] += bool(event.value.get("extended_content"))
        self.turns.user(text if self._asked else task_in(text, self.account), at)
        self._asked = True

    def _open(self, event: Node, owner: Node, at: float | None) -> Turn:
        """The step of an event: calls of one reply are together."""
        reply = event.text("llm_response_id")
        if self._turn is None or reply is None or reply != self._reply:
            self._turn, self._reply = self.turns.new(at), reply
            used = self.state.used.get(reply or "") if self.state else None
            if used:
                self._turn.tokens, self._turn.cost = used
                self.account.dropped["cost"] += used[1] is not None
        self._turn.reasoning += [text for text in reasoning(owner) if text not in self._turn.reasoning]
        return self._turn

    def _action(self, event: Node) -> None:
        turn = self._open(event, event, moment(event.text("timestamp")))
        thought = "\n".join(_parts(event, "thought"))
        turn.texts += [without_tools(thought)] if thought else []
        call, action = event.object("tool_call"), event.object("action")
        key = event.text("tool_call_id") or (call.text("id") if call else None) or event.text("id") or ""
        arguments = arguments_in(call.value.get("arguments")) if call else None
        if arguments is None:
            arguments = {name: value for name, value in action.value.items() if name != "kind"} if action else None
        if event.text("tool_name") == "finish":
            text = arguments.get("message") if isinstance(arguments, dict) else None
            turn.texts += [without_tools(text)] if isinstance(text, str) else []
            self._ends.add(key)
            self.account.dropped["mark of the end"] += 1
            return
        name = event.text("tool_name") or (call.text("name") if call else None) or ""
        self.turns.call(Call(key, name, without_harness(arguments)), turn)

    def _observed(self, event: Node) -> None:
        key, observation = event.text("tool_call_id") or event.text("action_id"), event.object("observation")
        if observation is None or key in self._ends:
            self.account.dropped["answer to the mark of the end"] += 1
            return
        facts: dict[str, Any] = {}
        content = observation.text("output") or "\n".join(_parts(observation, "content"))
        metadata = observation.object("metadata")
        codes = (owner.number("exit_code") for owner in (observation, metadata) if owner)
        code = next((code for code in codes if code is not None), None)
        if code == -1 or (code is None and observation.value.get("timeout") is True):
            content = f"{content}\n{UNENDED}".lstrip("\n")
        elif code is not None and code.is_integer():
            facts["exit_code"] = int(code)
        if observation.flag("is_error"):
            facts["is_error"] = True
        self.turns.result(Result(key, content, facts))


def _text(message: Node) -> str:
    return "\n".join(_parts(message, "content"))


def _parts(owner: Node, key: str) -> list[str]:
    """A text, or the texts of a list of parts; media become a mark."""
    value = owner.get(key)
    if value is None or isinstance(value.value, str):
        return [value.value] if value and value.value else []
    parts = ((part.text("text"), part.text("type")) for part in value.elements())
    return [text if text is not None else f"[{kind or 'attachment'}]" for text, kind in parts if text or kind != "text"]
