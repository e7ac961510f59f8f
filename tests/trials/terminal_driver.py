"""A harness without an agent: plays a script of turns to a `TerminalUser` and writes down what the person did."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.model.outcome import TestReport
from assay.model.trajectory import Step
from assay.simulation.contract import Facts
from assay.trials.terminal_user import TerminalUser

TEXTS = {"first": "Write words into files.\n\n`one.txt` must say one.", "second": "`two.txt` must say two."}
DIFF = "diff --git a/one.txt b/one.txt\n--- /dev/null\n+++ b/one.txt\n@@ -0,0 +1 @@\n+one\x1b[2J\n"
REPORT: dict[str, Any] = {
    "format": 1, "outcome": "scored", "reward": 0.5, "exit_code": 1, "seconds": 1.0, "image": None, "passed": False,
    "tests": [{"name": "a", "status": "passed", "seconds": 0.0}, {"name": "hidden", "status": "failed", "seconds": 1}],
}  # fmt: skip


class Play:
    """The turns of a script: steps, `{"ask": COMMAND}`, `{"hang": SECONDS}` until interrupted, `{"sleep": SECONDS}`."""

    def __init__(self, turns: list[list[dict[str, Any]]]) -> None:
        self.turns, self.steps, self.stopped = turns, [Step(step_id=1, source="user", message="-")], threading.Event()
        self.moves: list[Mapping[str, Any]] = []

    def session(self) -> None:
        with TerminalUser("tiny", TEXTS, check=self.check, diff=lambda: DIFF, interrupt=self.stopped.set) as user:
            move = user.open()
            self.moves.append(asdict(move))
            while move.text is not None:
                events = self.turns.pop(0) if self.turns else []
                self.stopped.clear()
                for event in events:
                    self.happens(event, user)
                user.tested([])
                move = user.next(Facts(len(self.moves), "", len(events), {}, seconds=90.0))
                self.moves.append(asdict(move))

    def check(self, milestone: str) -> list[TestReport]:
        time.sleep(0.6)
        return [TestReport.model_validate({**REPORT, "milestone": milestone})]

    def happens(self, event: dict[str, Any], user: TerminalUser) -> None:
        if "ask" in event:
            user.allow(event["ask"])
        elif "hang" in event:
            self.stopped.wait(event["hang"])
        elif "sleep" in event:
            time.sleep(event["sleep"])
        else:
            step = Step.model_validate({"source": "agent", "step_id": len(self.steps) + 1, **event})
            self.steps.append(step)
            user.hear(step)


if __name__ == "__main__":
    play = Play(json.loads(Path(sys.argv[1]).read_text()))
    try:
        play.session()
    finally:
        steps = [step.model_dump(mode="json", exclude_none=True) for step in play.steps[1:]]
        Path(sys.argv[2]).write_text(json.dumps({"moves": play.moves, "steps": steps}))
