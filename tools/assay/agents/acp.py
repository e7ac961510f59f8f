"""The Agent Client Protocol over a program's standard streams.

The protocol runs in a thread of its own; events are handed over, so that `hear` and `allow` run where `say` was called.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import queue
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from acp import PROTOCOL_VERSION, RequestError, text_block
from acp.connection import Connection
from acp.schema import (
    ClientCapabilities,
    InitializeRequest,
    InitializeResponse,
    NewSessionRequest,
    NewSessionResponse,
    PromptRequest,
    PromptResponse,
)
from acp.utils import request_model
from pydantic import ValidationError

from assay.agents.acp_terminals import HostedTerminals, Terminals
from assay.agents.acp_updates import Updates
from assay.agents.contract import AgentFailed, Event, Permission, Pipe, StopReason, Used
from assay.agents.failures import cause, ended, exit_status, shortened

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one message; the output of a tool comes as one line."""
STRAY_LIMIT = 1000
"""Lines that are no messages; a program that prints more does not speak the protocol."""
_CANCELLED = {"outcome": {"outcome": "cancelled"}}
Result = TypeVar("Result")


class _Lines:
    """Messages of a pipe, one to a line, for a connection of the library. Lines that are no messages are counted."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.stray, self.last_stray, self.heard, self.broken = 0, "", False, ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = bytearray()
        while not self.broken and (piece := self._pipe.read()):
            head, newline, tail = piece.rpartition(b"\n")
            if newline:
                for line in (bytes(rest) + head).split(b"\n"):
                    self._take(line)
                rest = bytearray()
            rest += tail
            if len(rest) > LINE_LIMIT:
                self.broken = f"a line of more than {LINE_LIMIT} bytes"
        self._hand_over(None)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line) if line.strip() else None
        except ValueError:
            message = line
        if isinstance(message, dict) and ("method" in message or "id" in message):
            self.heard = True
            self._hand_over(message)
        elif message is not None:
            self.stray, self.last_stray = self.stray + 1, line[:200].decode("utf-8", "replace").strip()
            if self.stray >= STRAY_LIMIT:
                self.broken = "it prints other things"

    def _hand_over(self, message: dict[str, Any] | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    async def send(self, message: dict[str, Any]) -> None:
        try:
            self._pipe.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except OSError:
            return  # the end of its output tells that it has gone

    async def receive(self) -> dict[str, Any] | None:
        return await self._messages.get()

    async def close(self) -> None:
        """The pipe belongs to the conversation."""


class AcpConversation:
    """A `Conversation` with an agent whose session works in `cwd`. `terminals` lets it run commands through us."""

    def __init__(self, pipe: Pipe, cwd: str, terminals: Terminals | None = None) -> None:
        self._pipe, self._cwd = pipe, cwd
        self._updates = Updates(cwd)
        self._heard: queue.Queue[Any] = queue.Queue()
        screens = self._updates.screens
        self._terminals = HostedTerminals(terminals, cwd, screens, self._heard.put) if terminals else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._lines: _Lines | None = None
        self._connection: Connection | None = None
        self._session = ""
        self._interrupted = False

    @property
    def stray(self) -> int:
        """Lines on standard output that were no messages."""
        return self._lines.stray if self._lines else 0

    def open(self) -> Mapping[str, str]:
        """As in `Conversation`."""
        return self._during(self._begin(), lambda event: None, lambda request: False)

    def say(
        self, text: str, hear: Callable[[Event], None], allow: Callable[[Permission], bool] = lambda request: True
    ) -> StopReason:
        """As in `Conversation`."""
        self._interrupted = False
        self._updates.begin_turn()
        return self._during(self._turn(text), hear, allow)

    def interrupt(self) -> None:
        """As in `Conversation`."""
        self._interrupted = True
        if self._session and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._cancel()))

    def close(self) -> None:
        """As in `Conversation`."""
        if self._loop.is_closed():
            return
        self._pipe.close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _during(
        self,
        work: Coroutine[Any, Any, Result],
        hear: Callable[[Event], None],
        allow: Callable[[Permission], bool],
    ) -> Result:
        """Wait for `work` and hand over what is heard meanwhile."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.add_done_callback(self._heard.put)
        while (item := self._next()) is not future:
            self._pass_on(item, hear, allow)
        try:
            result: Result = future.result()
            return result
        except RequestError as error:
            words = shortened(f"{error} {json.dumps(error.data)}" if error.data else str(error))
            raise AgentFailed(cause(words, "gave-up"), f"the agent reports error {error.code}: {words}") from error
        except ValidationError as error:
            text = f"the agent's answer does not follow the protocol: {shortened(str(error))}"
            raise AgentFailed("protocol", text) from error
        except ConnectionError as error:
            raise self._gone() from error

    @staticmethod
    def _pass_on(item: Any, hear: Callable[[Event], None], allow: Callable[[Permission], bool]) -> None:
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, tuple):
            request, answer = item
            hear(request)
            answer.set_result(allow(request))
        elif not isinstance(item, concurrent.futures.Future):  # of a turn that an exception has ended
            hear(item)

    def _next(self) -> Any:
        """The next thing heard. A program may end and leave behind somebody who keeps its output open."""
        gone = False
        while True:
            try:
                return self._heard.get(timeout=1)
            except queue.Empty:
                if gone:
                    raise self._gone() from None
                gone = self._pipe.exit_code is not None

    def _gone(self) -> AgentFailed:
        lines = self._lines
        if lines is None or not (lines.stray or lines.broken):
            return ended(self._pipe)
        seen = f"{lines.stray} lines on its standard output were no messages, the last: {lines.last_stray}"
        if lines.broken:
            return AgentFailed("protocol", f"the agent does not speak the protocol: {lines.broken}; {seen}")
        return ended(self._pipe, "crashed" if lines.heard or exit_status(self._pipe) else "protocol", f"; {seen}")

    async def _begin(self) -> Mapping[str, str]:
        self._lines = _Lines(self._pipe)
        self._connection = Connection(self._handle, self._lines)
        # Who asks is not told: an agent need not know that it is being evaluated.
        capabilities = ClientCapabilities(terminal=self._terminals is not None)
        hello = InitializeRequest(protocol_version=PROTOCOL_VERSION, client_capabilities=capabilities)
        agent = await request_model(self._connection, "initialize", hello, InitializeResponse)
        wanted = NewSessionRequest(cwd=self._cwd, mcp_servers=[])
        created = await request_model(self._connection, "session/new", wanted, NewSessionResponse)
        self._session = created.session_id
        info = agent.agent_info
        return {
            "name": info.name if info else "",
            "version": info.version if info else "",
            "session": self._session,
        }

    async def _turn(self, text: str) -> StopReason:
        assert self._connection is not None
        asked = PromptRequest(session_id=self._session, prompt=[text_block(text)])
        done = await request_model(self._connection, "session/prompt", asked, PromptResponse)
        for event in self._updates.end_turn():
            self._heard.put(event)
        if done.usage:
            self._heard.put(Used(done.usage.input_tokens, done.usage.output_tokens))
        return "cancelled" if self._interrupted else done.stop_reason  # some agents say `end_turn` all the same

    async def _cancel(self) -> None:
        if self._connection:
            with contextlib.suppress(ConnectionError):
                await self._connection.send_notification("session/cancel", {"sessionId": self._session})

    async def _end(self) -> None:
        if self._connection:
            await self._connection.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle(self, method: str, params: Any, is_notification: bool) -> Any:
        """What the agent tells or asks."""
        params = params if isinstance(params, dict) else {}
        if method == "session/update" and isinstance(update := params.get("update"), dict):
            for event in self._updates.events(update):
                self._heard.put(event)
        elif method == "session/request_permission":
            return await self._permission(params)
        elif method.startswith("terminal/") and self._terminals:
            return await self._terminals.handle(method, params)
        elif not is_notification:
            raise RequestError.method_not_found(method)
        return None

    async def _permission(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        call = params.get("toolCall") if isinstance(params.get("toolCall"), dict) else {}
        for event in self._updates.asked(call or {}):
            self._heard.put(event)
        answer: concurrent.futures.Future[bool] = concurrent.futures.Future()
        key = str((call or {}).get("toolCallId"))
        self._heard.put((Permission(key, self._updates.command(call or {})), answer))
        allowed = await asyncio.wrap_future(answer)
        if not allowed:
            self._updates.refuse(key)
        # Never "always": it would hide later calls.
        kind = "allow_once" if allowed else "reject_once"
        options = [option for option in params.get("options") or [] if isinstance(option, dict)]
        chosen = next((option.get("optionId") for option in options if option.get("kind") == kind), None)
        if self._interrupted or chosen is None:
            return _CANCELLED
        return {"outcome": {"outcome": "selected", "optionId": chosen}}
