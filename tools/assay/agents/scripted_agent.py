"""A policy as an agent that speaks the Agent Client Protocol: `python -m assay.agents.scripted_agent`.

It runs beside the harness and works in the task's container only through the protocol's terminal methods, so it needs
nothing of the image.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from pathlib import Path
from typing import Any, get_args

from acp import (
    Client,
    InitializeResponse,
    NewSessionResponse,
    PromptResponse,
    run_agent,
    start_tool_call,
    text_block,
    tool_content,
    update_agent_message_text,
    update_tool_call,
)
from acp.schema import AgentCapabilities, Implementation, PermissionOption, ToolCallUpdate

from assay.agents.policies import Material, load_material, next_action
from assay.model.agents import PolicyName

ASK = [
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]
"""What it offers before it deletes something."""


class Scripted:
    """One session of a policy."""

    def __init__(self, policy: PolicyName, material: Material) -> None:
        self._policy, self._material = policy, material
        self._said: list[str] = []
        self._calls = itertools.count(1)
        self._cwd = "/"
        self._client: Client | None = None

    def on_connect(self, conn: Client) -> None:
        """The other side."""
        self._client = conn

    async def initialize(self, protocol_version: int, **more: Any) -> InitializeResponse:
        """Nothing is offered but sessions."""
        info = Implementation(name=f"policy-{self._policy}", version="1")
        return InitializeResponse(
            protocol_version=protocol_version, agent_capabilities=AgentCapabilities(), agent_info=info
        )

    async def new_session(self, cwd: str, mcp_servers: Any = None, **more: Any) -> NewSessionResponse:
        """The only one."""
        self._cwd = cwd
        return NewSessionResponse(session_id="session-1")

    async def prompt(self, prompt: list[Any], session_id: str, **more: Any) -> PromptResponse:
        """All actions of a turn."""
        self._said.append("\n".join(block.text for block in prompt if hasattr(block, "text")))
        for done in itertools.count():
            action = next_action(self._policy, self._material, self._said, done)
            await self._client.session_update(session_id, update_agent_message_text(action.say))  # type: ignore[union-attr]
            if action.run is None:
                break
            await self._run(session_id, action.run)
        return PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **more: Any) -> None:
        """Its turns are short; the one that runs goes on to its end."""

    async def _run(self, session: str, command: str) -> None:
        client, call = self._client, f"call-{next(self._calls)}"
        assert client is not None
        arguments = {"command": command}
        await client.session_update(
            session, start_tool_call(call, "shell", kind="execute", status="pending", raw_input=arguments)
        )
        if "-delete" in command:
            asked = ToolCallUpdate(tool_call_id=call, title=command, kind="execute", raw_input=arguments)
            answer = await client.request_permission(session_id=session, options=ASK, tool_call=asked)
            if getattr(answer.outcome, "option_id", "no") != "yes":
                await client.session_update(session, update_tool_call(call, status="failed"))
                return
        made = await client.create_terminal(
            session_id=session, command="bash", args=["-c", command], cwd=self._cwd, env=None, output_byte_limit=None
        )
        ended = await client.wait_for_terminal_exit(session_id=session, terminal_id=made.terminal_id)
        shown = await client.terminal_output(session_id=session, terminal_id=made.terminal_id)
        await client.release_terminal(session_id=session, terminal_id=made.terminal_id)
        content = [tool_content(text_block(shown.output))]
        code = {"exit_code": ended.exit_code}
        await client.session_update(
            session, update_tool_call(call, status="completed", content=content, raw_output=code)
        )


def main() -> None:
    """Serve one policy on standard input and output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--policy", choices=get_args(PolicyName), required=True)
    parser.add_argument("--task", type=Path, required=True)
    given = parser.parse_args()
    agent: Any = Scripted(given.policy, load_material(given.task))
    asyncio.run(run_agent(agent))


if __name__ == "__main__":
    main()
