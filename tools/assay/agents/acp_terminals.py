"""The protocol's terminal methods: a program on this machine runs its commands where the harness says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol

from acp import RequestError


class Terminals(Protocol):
    """Runs commands of an agent in the task's container."""

    def run(self, command: list[str], cwd: str) -> tuple[int | None, str]:
        """Exit status and output; blocks until the command has ended."""


class HostedTerminals:
    """Terminals of one session, each of them one command.

    What they showed and their exit statuses go to `screens`, by their ids; exceptions of `place` go to `failed`.
    """

    def __init__(
        self,
        place: Terminals,
        cwd: str,
        screens: MutableMapping[str, tuple[str, int | None]],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._place, self._cwd, self._screens, self._failed = place, cwd, screens, failed
        self._running: dict[str, asyncio.Future[None]] = {}
        self._ids = itertools.count(1)

    async def handle(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request. Raises RequestError."""
        if method == "terminal/create":
            return self._create(params)
        name = str(params.get("terminalId"))
        if (running := self._running.get(name)) is None:
            raise RequestError.resource_not_found(name)
        if method == "terminal/wait_for_exit":
            await asyncio.wait([running])
        elif method in ("terminal/kill", "terminal/release"):
            running.cancel()  # the command itself ends with the container
            return {}
        elif method != "terminal/output":
            raise RequestError.method_not_found(method)
        text, code = self._screens.get(name, ("", None))
        status = {"exitCode": code, "signal": None if code is not None else "SIGKILL"}
        if method == "terminal/wait_for_exit":
            return status
        return {"output": text, "truncated": False, **({"exitStatus": status} if running.done() else {})}

    def _create(self, params: Mapping[str, Any]) -> dict[str, Any]:
        command = params.get("command")
        if not isinstance(command, str):
            raise RequestError.invalid_params({"command": "must be a text"})
        # Without arguments it is a line for a shell: agents disagree with the specification here.
        words = [command, *map(str, params["args"])] if params.get("args") else ["bash", "-c", command]
        if variables := [f"{item['name']}={item['value']}" for item in params.get("env") or []]:
            words = ["env", *variables, *words]
        name = f"terminal-{next(self._ids)}"
        work = self._run(name, words, str(params.get("cwd") or self._cwd))
        self._running[name] = task = asyncio.ensure_future(work)
        task.add_done_callback(self._done)
        return {"terminalId": name}

    def _done(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failed(error)

    async def _run(self, name: str, words: list[str], cwd: str) -> None:
        code, output = await asyncio.to_thread(self._place.run, words, cwd)
        self._screens[name] = (output, code)
