"""Traps of Claude Code, Qwen Code and Gemini CLI: replies in pieces, branches, delegated runs, lines written twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.importers import Imported, ImportFailed, registry
from tests.importers.reading import imported, only

SESSION = "5b0c1f6e-7a11-4c0a-9d0e-2f6f3f0c0a01"
MODEL = "fable-large-20260101"


def read(tmp_path: Path, lines: list[dict[str, Any]], name: str = "log.jsonl") -> Imported:
    (tmp_path / name).write_text("\n".join(map(json.dumps, lines)) + "\n")
    return only(registry().read(tmp_path / name))


def said(found: Imported) -> list[tuple[str, str]]:
    return [(step.source, step.text) for step in found.trajectory.steps]


class Claude:
    """Lines of a session, each the child of the one before unless it is said otherwise."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def add(self, kind: str, content: Any, **more: Any) -> str:
        name, parent = f"u{len(self.lines)}", self.lines[-1]["uuid"] if self.lines else None
        message = {"role": kind, "content": content, **more.pop("message", {})}
        line = {"type": kind, "uuid": name, "parentUuid": parent, "sessionId": SESSION, "message": message}
        self.lines.append(line | more)
        return name

    def reply(self, key: str, block: dict[str, Any], output: int, **more: Any) -> str:
        usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": output}
        return self.add("assistant", [block], message={"id": key, "model": MODEL, "usage": usage}, **more)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(key: str, name: str = "Bash", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": key, "name": name, "input": given}


def answer(key: str, content: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_result", "tool_use_id": key, "content": content, **more}]


def test_lines_of_one_message_are_one_reply_and_its_usage_counts_once(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmF0dXJl"}
    for block in (thought, text("I look."), use("t1", command="ls")):
        log.reply("m1", block, 7)
    log.add("user", answer("t1", "a.py"))
    log.reply("m2", text("Done."), 3)
    found = read(tmp_path, log.lines)
    assert said(found) == [("user", "Go."), ("agent", "I look."), ("agent", "Done.")]
    assert found.trajectory.steps[1].reasoning_content == "Hm."
    assert (found.report.prompt_tokens, found.report.completion_tokens) == (200, 10)
    assert "1 × signature of reasoning" in found.report.dropped
    assert "c2lnbmF0dXJl" not in found.trajectory.model_dump_json()


def test_only_a_failure_has_an_exit_code(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    for number, (content, failed) in enumerate([("ok", False), ("Exit code 3\nno", True), ("Exit code 4", False)]):
        log.reply(f"m{number}", use(f"t{number}", command="x"), 1)
        log.add("user", answer(f"t{number}", content, is_error=failed), toolUseResult={"stdout": "twin"})
    found = read(tmp_path, log.lines)
    results = [step.observation.results[0] for step in found.trajectory.steps if step.observation]
    assert [(result.exit_code, (result.extra or {}).get("is_error")) for result in results] == [
        (None, None),
        (3, True),
        (None, None),
    ]
    assert "3 × second copy of a result" in found.report.dropped
    assert "twin" not in found.trajectory.model_dump_json()


def test_results_of_parallel_calls_are_branches_that_belong_to_it(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    log.reply("m1", use("t1", command="one"), 1)
    second = log.reply("m1", use("t2", command="two"), 1)
    log.add("user", answer("t2", "two"), parentUuid=second)
    log.add("user", answer("t1", "one"), parentUuid="u1")
    log.reply("m2", text("Both."), 1)
    (step,) = [step for step in read(tmp_path, log.lines).trajectory.steps if step.tool_calls]
    assert step.observation
    assert [(r.source_call_id, r.content) for r in step.observation.results] == [("call-2", "two"), ("call-1", "one")]


def test_a_prompt_that_was_changed_leaves_a_branch_that_is_told(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "<command-name>/clear</command-name>")
    log.add("user", "Count the wrds.")
    log.reply("m1", text("Which?"), 1)
    log.add("user", "Count the words.", parentUuid="u0")
    log.reply("m2", text("Twelve."), 1)
    found = read(tmp_path, log.lines)
    assert said(found) == [("user", "Count the words."), ("agent", "Twelve.")]
    assert any("left" in line for line in found.report.dropped)


def test_what_the_program_puts_in_is_nobodys_turn(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "<command-name>/init</command-name>")
    log.add("user", "Caveat: The messages below were generated by the user while running local commands.")
    log.add("user", [text("<system-reminder>Be brief.</system-reminder>"), text("Go.")])
    log.add("user", "Injected.", isMeta=True)
    log.reply("m1", text("Done."), 1)
    log.add("user", "The story so far.", isCompactSummary=True)
    log.reply("m2", text("On."), 1)
    found = read(tmp_path, log.lines)
    assert said(found) == [("user", "Go."), ("agent", "Done."), ("agent", "On.")]
    assert "1 × compaction summary" in found.report.dropped
    assert "1 × reminder that the program put in" in found.report.dropped


def test_a_delegated_run_is_a_trajectory_of_its_own(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    log.reply("m1", use("t1", "Task", prompt="Count."), 1)
    log.add("user", answer("t1", "Twelve."), toolUseResult={"agentId": "a1"})
    log.reply("m2", text("Twelve."), 1)
    inner = Claude()
    inner.add("user", "Count.", isSidechain=True)
    inner.reply("m9", text("Twelve words."), 1, isSidechain=True)
    folder = tmp_path / SESSION / "subagents"
    folder.mkdir(parents=True)
    (folder / "agent-a1.jsonl").write_text("\n".join(map(json.dumps, inner.lines)))
    found = read(tmp_path, log.lines)
    (child,) = found.trajectory.subagent_trajectories or []
    assert [(step.source, step.text) for step in child.steps] == [("user", "Count."), ("agent", "Twelve words.")]
    (result,) = next(step.observation.results for step in found.trajectory.steps if step.observation)
    assert [reference.trajectory_id for reference in result.subagent_trajectory_ref or []] == [child.trajectory_id]
    assert len(found.files) == 2


def test_delegated_lines_in_the_same_file_are_not_in_the_way(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    call = log.reply("m1", use("t1", "Task", prompt="Count."), 1)
    log.add("user", "Count.", isSidechain=True, parentUuid=None)
    log.reply("m9", text("Twelve words."), 1, isSidechain=True)
    log.add("user", answer("t1", "Twelve."), parentUuid=call)
    log.reply("m2", text("Twelve."), 1)
    found = read(tmp_path, log.lines)
    assert said(found) == [("user", "Go."), ("agent", ""), ("agent", "Twelve.")]
    assert len(found.trajectory.subagent_trajectories or []) == 1


def test_the_program_itself_is_no_model(tmp_path: Path) -> None:
    log = Claude()
    log.add("user", "Go.")
    log.add("assistant", [text("API Error: overloaded")], message={"id": "m0", "model": "<synthetic>"})
    log.reply("m1", text("Done."), 1)
    assert read(tmp_path, log.lines).identity.model == MODEL


def test_a_session_without_messages_is_told(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"type": "system", "subtype": "init", "session_id": "x"}\n')
    with pytest.raises(ImportFailed, match="must be a session with messages"):
        registry().read(tmp_path / "log.jsonl")


def qwen(kind: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "sessionId": SESSION, "message": {"role": kind, "parts": list(parts)}, **more}


def chained(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"uuid": f"u{n}", "parentUuid": f"u{n - 1}" if n else None, "model": MODEL, **line}
        for n, line in enumerate(lines)
    ]


def test_qwen_says_the_status_of_a_command_in_its_report_only(tmp_path: Path) -> None:
    call = {"functionCall": {"id": "c1", "name": "run_shell_command", "args": {"command": "false"}}}
    report = "Command: false\nDirectory: (root)\nOutput: (empty)\nError: (none)\nExit Code: 1\nSignal: (none)"
    result = {"functionResponse": {"id": "c1", "name": "run_shell_command", "response": {"output": report}}}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 7, "thoughtsTokenCount": 3, "cachedContentTokenCount": 80}
    lines = chained(
        qwen("user", {"text": "Go."}),
        qwen("assistant", {"text": "Hm.", "thought": True}, {"text": "I try."}, call, usageMetadata=usage),
        qwen("tool_result", result, toolCallResult={"callId": "c1", "status": "success", "resultDisplay": "twin"}),
        qwen("system", {"text": "x"}, subtype="ui_telemetry"),
        qwen("assistant", {"text": "It fails."}),
    )
    found = read(tmp_path, lines)
    assert said(found) == [("user", "Go."), ("agent", "I try."), ("agent", "It fails.")]
    step = found.trajectory.steps[1]
    assert step.observation
    assert (step.observation.results[0].content, step.observation.results[0].exit_code) == ("", 1)
    assert (step.reasoning_content, found.report.prompt_tokens, found.report.completion_tokens) == ("Hm.", 100, 10)
    assert not {"Directory", "run_shell_command", "twin"} & set(found.trajectory.model_dump_json().split('"'))
    assert "1 × mark of the program (ui_telemetry)" in found.report.dropped


def test_qwens_stream_is_read_like_the_other_programs_lines() -> None:
    found = imported("qwen-code/stream.jsonl")
    assert found.identity.agent == "qwen-code"
    assert found.identity.source_format == "qwen-code-stream"
    assert found.report.calls > 0


HEADER = {"sessionId": SESSION, "projectHash": "5b0c", "startTime": "2026-03-01T10:00:00.000Z", "kind": "main"}


def gemini(key: str, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": key, "type": kind, "content": content, "model": MODEL, **more}


def test_geminis_last_form_of_a_message_counts(tmp_path: Path) -> None:
    call = {"id": "c1", "name": "read_file", "args": {"file_path": "/home/devuser/a.py"}, "status": "executing"}
    done = {"status": "success", "result": [{"functionResponse": {"id": "c1", "response": {"output": "x = 1"}}}]}
    lines = [
        HEADER,
        gemini("1", "user", [{"text": "Go."}]),
        gemini("2", "gemini", "I read.", toolCalls=[call], tokens={"input": 10, "output": 1}),
        gemini("2", "gemini", "I read.", toolCalls=[call | done], tokens={"input": 10, "output": 5, "thoughts": 2}),
        gemini("3", "gemini", "Done."),
    ]
    found = read(tmp_path, lines)
    assert said(found) == [("user", "Go."), ("agent", "I read."), ("agent", "Done.")]
    (result,) = found.trajectory.steps[1].observation.results if found.trajectory.steps[1].observation else []
    assert result.content == "x = 1"
    assert (found.report.prompt_tokens, found.report.completion_tokens) == (10, 7)
    assert "1 × earlier form of a message" in found.report.dropped
    assert "devuser" not in found.trajectory.model_dump_json()


def test_gemini_goes_back_and_takes_what_followed_with_it(tmp_path: Path) -> None:
    lines = [
        HEADER,
        gemini("1", "user", "One?"),
        gemini("2", "gemini", "One."),
        gemini("3", "user", "Two?"),
        gemini("4", "gemini", "Two."),
        {"$rewindTo": "3"},
        {"$rewindTo": "nobody"},
        gemini("5", "user", "Three?"),
        gemini("6", "gemini", "Three."),
    ]
    found = read(tmp_path, lines)
    assert [words for _, words in said(found)] == ["One?", "One.", "Three?", "Three."]
    assert "2 × message on a branch that was left" in found.report.dropped
    assert "The user went back; messages that are not here: 2." in (found.trajectory.notes or "")


def test_gemini_tells_failed_and_cancelled_calls_apart_from_good_ones(tmp_path: Path) -> None:
    calls = [
        {"id": f"c{n}", "name": "run_shell_command", "args": {}, "status": status, "result": [{"text": "x"}]}
        for n, status in enumerate(("success", "error", "cancelled"))
    ]
    found = read(tmp_path, [HEADER, gemini("1", "user", "Go."), gemini("2", "gemini", "", toolCalls=calls)])
    step = found.trajectory.steps[1]
    assert step.observation
    assert [(r.extra or {}).get("is_error", False) for r in step.observation.results] == [False, True, True]


def test_geminis_greeting_is_not_the_users(tmp_path: Path) -> None:
    greeting = "This is the Gemini CLI. We are setting up the context for our chat."
    lines = [HEADER, gemini("1", "user", greeting), gemini("2", "user", "Go."), gemini("3", "gemini", "Done.")]
    found = read(tmp_path, lines)
    assert said(found) == [("user", "Go."), ("agent", "Done.")]
    assert "1 × text that the program put into the user's message" in found.report.dropped
