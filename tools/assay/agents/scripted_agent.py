"""A policy as an agent that speaks the Agent Client Protocol: `python -m assay.agents.scripted_agent`.

It runs beside its client and works only through the client's terminals, so it needs nothing where the work is done.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
from acp import (
    Agent,
    Client,
    InitializeResponse,
    NewSessionResponse,
    PromptResponse,
    RequestError,
    run_agent,
    start_tool_call,
    tool_terminal_ref,
    update_agent_message_text,
    update_tool_call,
)
from acp.schema import AgentCapabilities, ClientCapabilities, Implementation, PermissionOption, ToolCallUpdate

from assay import __version__
from assay.agents.policies import POLICIES, Action, Material, load_material, next_action
from assay.model.agents import PolicyName

ASK = [
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]
"""What it offers before it deletes something."""


@dataclass
class _Session:
    cwd: str
    said: list[str] = field(default_factory=list)
    calls: int = 0
    cancelled: bool = False
    terminal: str | None = None
    """The one in which a command runs now."""


class Scripted:
    """A policy; sessions know nothing of each other."""

    def __init__(self, policy: PolicyName, material: Material) -> None:
        self._policy, self._material = policy, material
        self._sessions: dict[str, _Session] = {}
        self._client: Client

    def on_connect(self, conn: Client) -> None:
        """The other side."""
        self._client = conn

    async def initialize(
        self, protocol_version: int, client_capabilities: ClientCapabilities | None = None, **more: Any
    ) -> InitializeResponse:
        """Refuses a client without terminals."""
        if client_capabilities is None or not client_capabilities.terminal:
            raise RequestError.invalid_params({"details": "this agent needs a client that offers terminals"})
        info = Implementation(name=f"policy-{self._policy}", version=__version__)
        capabilities = AgentCapabilities(load_session=False)
        return InitializeResponse(protocol_version=protocol_version, agent_capabilities=capabilities, agent_info=info)

    async def new_session(self, cwd: str, **more: Any) -> NewSessionResponse:
        """Names of sessions are numbers, so that two runs are alike."""
        name = f"session-{len(self._sessions) + 1}"
        self._sessions[name] = _Session(cwd)
        return NewSessionResponse(session_id=name)

    async def cancel(self, session_id: str, **more: Any) -> None:
        """Ends the turn, and the command that runs."""
        session = self._sessions[session_id]
        session.cancelled = True
        if session.terminal:
            await self._client.kill_terminal(session_id=session_id, terminal_id=session.terminal)

    async def prompt(self, prompt: Sequence[Any], session_id: str, **more: Any) -> PromptResponse:
        """All actions of one turn."""
        session = self._sessions[session_id]
        session.cancelled = False
        session.said.append("\n".join(block.text for block in prompt if hasattr(block, "text")))
        for done in itertools.count():
            action = next_action(self._policy, self._material, session.said, done)
            await self._client.session_update(session_id, update_agent_message_text(action.say))
            if action.run is not None:
                await self._run(session_id, session, action, action.run)
            if action.ends or session.cancelled:
                break
        return PromptResponse(stop_reason="cancelled" if session.cancelled else "end_turn")

    async def _run(self, name: str, session: _Session, action: Action, command: str) -> None:
        session.calls += 1
        call, given = f"call-{session.calls}", {"command": command}
        begun = start_tool_call(call, action.say, kind="execute", status="pending", raw_input=given)
        await self._client.session_update(name, begun)
        if action.risky and not await self._allowed(name, call, given):
            await self._client.session_update(name, update_tool_call(call, status="failed"))
            return
        made = await self._client.create_terminal(
            session_id=name, command="bash", args=["-c", command], cwd=session.cwd
        )
        session.terminal = made.terminal_id
        shown = [tool_terminal_ref(made.terminal_id)]
        await self._client.session_update(name, update_tool_call(call, status="in_progress", content=shown))
        ended = await self._client.wait_for_terminal_exit(session_id=name, terminal_id=made.terminal_id)
        session.terminal = None
        code = {"exit_code": ended.exit_code}
        completed = update_tool_call(call, status="completed", content=shown, raw_output=code)
        await self._client.session_update(name, completed)
        await self._client.release_terminal(session_id=name, terminal_id=made.terminal_id)

    async def _allowed(self, name: str, call: str, given: dict[str, str]) -> bool:
        asked = ToolCallUpdate(tool_call_id=call, title=given["command"], kind="execute", raw_input=given)
        answer = await self._client.request_permission(session_id=name, options=ASK, tool_call=asked)
        return getattr(answer.outcome, "option_id", None) == "yes"


@click.command("scripted_agent")
@click.option("--policy", type=click.Choice(POLICIES), required=True)
@click.option("--task", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
def main(policy: PolicyName, task: Path) -> None:
    """Serve one policy on standard input and output."""
    asyncio.run(run_agent(cast(Agent, Scripted(policy, load_material(task)))))


if __name__ == "__main__":
    main()
