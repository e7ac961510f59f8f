"""Logs of Inspect, `.eval` and `.json`: each sample in each epoch is an attempt.

Key names as in logs of inspect_ai 0.3.40 to 0.3.140, log versions 2 and 3. What was said is in a sample's `messages`;
its `events` add tokens, durations and exit codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.importers.building import Account, Call, Clock, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.inspect_archive import looks_like, open_log
from assay.importers.inspect_events import Reply, attachments, conversation, events_of, seconds, tokens, tool_events
from assay.importers.inspect_scores import reported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.model.identity import Identity

PRODUCT = "inspect_ai"
_ATTACHED = re.compile(r"(?:attachment|tc)://([0-9a-f]{32})")
_GENERIC = frozenset({"generate", "react", "basic_agent", "chain", "multi_scorer"})
"""Solvers of Inspect's own, which everybody uses."""
_NO_MODELS = frozenset({"none/none", "none", "mockllm/model"})
_SAMPLE = """
    id epoch input choices target sandbox files setup messages output scores metadata store events model_usage
    role_usage started_at completed_at total_time working_time uuid error error_retries attachments message_pool
    events_data call_pool limit transcript invalidation invalidated summary
"""
"""Keys that a sample may have."""
_NOT_TOLD = ("target", "metadata", "store", "files", "setup", "choices")
_MESSAGE = "id content role source tool_calls tool_call_id function error model metadata internal"


class Inspect:
    """The importer."""

    name = "inspect"

    def sniff(self, source: Source) -> bool:
        """A zip archive with a header and samples, or an object with `eval` and `samples`."""
        return not source.is_folder and looks_like(source)

    def read(self, source: Source) -> list[Imported]:
        """The samples, labelled `ID/epoch N`."""
        log = open_log(source)
        who = _Who(log.header)
        found, silent = list[Imported](), 0
        for sample in log.samples:  # one at a time: together they may be large
            attempt = _Attempt(sample, who, log.ended)
            if attempt.draft.steps:
                found.append(attempt.imported(source))
            else:
                silent += 1
        if not found:
            raise ImportFailed(f"{source.path}: must hold a sample with messages, found {silent} without")
        if silent:
            notes = (*found[0].report.notes, f"Samples without messages, which were left out: {silent}.")
            found[0] = replace(found[0], report=replace(found[0].report, notes=notes))
        return found


class _Who:
    """What the log's header says about the maker of all its samples."""

    def __init__(self, header: Node) -> None:
        self.spec = header.object("eval") or header.fail("a log with `eval`")
        roles = self.spec.object("model_roles")
        self.model = self.spec.text("model")
        self.roles = [node.text("model") or "" for key in roles.value if (node := roles.object(key))] if roles else []
        solver = self.spec.text("solver") or ""
        self.agent = PRODUCT if not solver or solver in _GENERIC else solver
        self.solvers = [step.text("solver") or "" for step in (header.object("plan") or self.spec).items("steps")]
        dataset = self.spec.object("dataset")
        self.users = users_in(dataset.text("location") if dataset else None, self.spec.text("task_file"))

    def names(self, models: Sequence[str]) -> Names:
        return Names(
            agents=frozenset({PRODUCT, self.agent, self.agent.rpartition("/")[2]}),
            models=frozenset(models),
            users=self.users,
        )

    def identity(self, source: Source, sample: Node, models: Sequence[str]) -> Identity:
        packages = self.spec.object("packages")
        extra = {
            "session_id": sample.text("uuid"),
            "run_id": self.spec.text("run_id"),
            "task": self.spec.text("task"),
            "solvers": " ".join(self.solvers),
            "started": self.spec.text("created"),
        }
        return Identity(
            agent=self.agent,
            version=packages.text(PRODUCT) if packages else None,
            model=", ".join(models) or None,
            source_format="inspect",
            source_sha256=source.sha256,
            extra={key: value for key, value in extra.items() if value},
        )


@dataclass
class _Turn:
    """An assistant's message and the results that follow it."""

    message: Node
    results: list[Result] = field(default_factory=list)


class _Attempt:
    """One sample."""

    def __init__(self, sample: Node, who: _Who, ended: bool) -> None:
        self.sample, self.who = sample, who
        self.account = Account()
        events = events_of(sample)
        self.models = _models(who, sample)
        self.draft = Draft(Mask(who.names(self.models)), self.account)
        self._texts = attachments(sample)
        self._replies = dict(self._model_events(events))
        self._tools = tool_events(events)
        self._clock = Clock(self.account)
        self.account.skipped.update(f"key `{key}` of a sample" for key in sample.foreign(frozenset(_SAMPLE.split())))
        for key in _NOT_TOLD:
            self.account.dropped[f"{key} of the sample"] += bool(sample.mapping().value.get(key))
        if not ended:
            self.account.open.append("The run had not ended when its log was taken.")
        self._read(sample.items("messages") or conversation(sample, events))
        calls = sum(event.text("event") == "model" for event in events)
        replies = sum(step["source"] == "agent" for step in self.draft.steps)
        self.account.odd["model calls whose replies are not among the messages"] += max(0, calls - replies)

    def imported(self, source: Source) -> Imported:
        sample = self.sample
        key = sample.get("id")
        label = f"{key.value if key else '?'}/epoch {sample.count('epoch') or 1}"
        identity = self.who.identity(source, sample, self.models)
        limit = sample.object("limit")
        if limit:
            self.account.open.append(f"A limit of the run ended this attempt: {limit.text('type') or 'unknown'}.")
        result = reported(sample, self.account)
        return finish(self.draft, identity, [source.path], label=label, reported=result)

    def _model_events(self, events: Sequence[Node]) -> Iterator[tuple[str, Reply]]:
        """By each of the keys by which a message may be known."""
        for event in events:
            output = event.object("output") if event.text("event") == "model" else None
            choices = output.items("choices") if output else []
            message = choices[0].object("message") if choices else None
            if output and message:
                usage = output.object("usage")
                cost = usage.number("total_cost") if usage else None
                reply = Reply(tokens(usage) if usage else None, cost, seconds(event.text("timestamp")))
                yield from ((key, reply) for key in self._keys(message))

    def _keys(self, message: Node) -> list[str]:
        calls = [call.text("id") for call in message.items("tool_calls")]
        known = [key for key in (message.text("id"), *calls) if key]
        return known or [f"text {self._content(message, [], count=False)}"]

    def _read(self, messages: Sequence[Node]) -> None:
        turn, known = None, frozenset(_MESSAGE.split())
        for message in messages:
            self.account.skipped.update(f"key `{key}` of a message" for key in message.foreign(known))
            role = message.text("role")
            if role == "tool":
                result = self._result(message)
                if turn:
                    turn.results.append(result)
                else:
                    self.draft.add("system", "", results=[result])
                continue
            self._close(turn)
            turn = _Turn(message) if role == "assistant" else None
            if role == "system":
                self.account.dropped["system prompt"] += 1
            elif role == "user":
                self.draft.add("user", self._content(message, []))
            elif role != "assistant":
                self.account.skipped[f"message of role `{role}`"] += 1
        self._close(turn)

    def _close(self, turn: _Turn | None) -> None:
        if turn is None:
            return
        message, reasoning, calls = turn.message, list[str](), list[Call]()
        text = self._content(message, reasoning, calls, turn.results)
        for call in message.items("tool_calls"):
            arguments = call.get("arguments")
            calls.append(Call(call.text("id") or "", call.text("function") or "", self._resolved(arguments)))
            self.account.odd["tool calls that the model wrote wrongly"] += bool(call.text("parse_error"))
        reply = next((self._replies[key] for key in self._keys(message) if key in self._replies), None)
        waited = self._clock.since_previous(reply.started if reply else None)
        self.draft.add(
            "agent",
            text,
            reasoning="\n\n".join(reasoning),
            calls=calls,
            results=turn.results,
            tokens=reply.tokens if reply else None,
            cost=reply.cost if reply else None,
            extra=None if waited is None else {"seconds_since_previous": waited},
        )

    def _result(self, message: Node) -> Result:
        key = message.text("tool_call_id")
        error = message.object("error")
        text = self._content(message, [])
        if error and not text:
            text = self._attached(error.text("message") or "")
        return Result(key, text, {**self._tools.get(key or "", {}), **({"is_error": True} if error else {})})

    def _content(
        self,
        message: Node,
        reasoning: list[str],
        calls: list[Call] | None = None,
        results: list[Result] | None = None,
        *,
        count: bool = True,
    ) -> str:
        """The text of a message; reasoning, and calls that the model's provider made, go to the lists."""
        content = message.get("content")
        if content is None or isinstance(content.value, str):
            return self._attached(content.value) if content else ""
        texts = []
        for part in content.elements():
            kind = part.text("type") or "none"
            if kind == "text":
                texts.append(self._attached(part.text("text") or ""))
            elif kind == "reasoning":
                said = part.text("summary" if part.flag("redacted") else "reasoning")
                reasoning += [self._attached(said)] if said else []
                self.account.dropped["reasoning without text (empty or encrypted)"] += count and not said
            elif kind == "tool_use" and calls is not None and results is not None:
                key, arguments, result = part.text("id") or "", part.get("arguments"), part.get("result")
                calls.append(Call(key, part.text("name") or "", self._resolved(arguments)))
                results.append(Result(key, str(self._resolved(result)) if result else None))
            else:
                texts.append(f"[{kind}]" if kind in ("image", "audio", "video") else "[attachment]")
                self.account.dropped[f"content part `{kind}`"] += count
        return "\n".join(texts)

    def _attached(self, text: str) -> str:
        """Long texts are kept once for a sample and named by their hash."""

        def whole(match: re.Match[str]) -> str:
            found = self._texts.get(match[1])
            self.account.odd["texts that the log names and does not hold"] += found is None
            return "[text that the log does not hold]" if found is None else found

        return _ATTACHED.sub(whole, text) if "://" in text else text

    def _resolved(self, node: Node | None) -> Any:
        return self._values(node.value) if node else None

    def _values(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._attached(value)
        if isinstance(value, dict):
            return {key: self._values(item) for key, item in value.items()}
        return [self._values(item) for item in value] if isinstance(value, list) else value


def _models(who: _Who, sample: Node) -> list[str]:
    output, usage = sample.object("output"), sample.object("model_usage")
    named = [who.model, *who.roles, output.text("model") if output else None, *(usage.value if usage else ())]
    models = dict.fromkeys(name for name in named if name and re.search(r"[^\W\d_]", name))
    return [name for name in models if name not in _NO_MODELS]
