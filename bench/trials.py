"""A trial with a real agent: what the harness adds to the agent's own time."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

from assay.executors.docker import Engine
from assay.model.agents import AgentSettings
from assay.sealing.order import turns
from assay.trials import session
from assay.trials.installs import PLACE, provide
from assay.trials.running import Study, keep
from assay.trials.session import Order
from assay.trials.watching import Caps, Watch
from assay.workspace import load
from tests.recipes import settings

ROOT = Path(__file__).parents[1]
AGENT, TASK = "opencode", "hello-milestones"


def measure(root: Path, times: int = 5) -> tuple[float, float]:
    """Median seconds of a trial without its tests, and of the agent's turns in it.

    A trial is everything from its order to its written files: a fresh container, the way to the model, hand-ins
    between turns, masking, the record, the removal. Not in it are what is made once, which is the image and the
    agent's program, and the tests, which would have to run anyway. A turn lasts from what the user says, the first one
    from the agent's start, to the end of the agent's answer.
    """
    (root / PLACE).parent.mkdir(exist_ok=True)
    (ROOT / PLACE).mkdir(parents=True, exist_ok=True)
    (root / PLACE).symlink_to(ROOT / PLACE)
    chosen, task = settings(AGENT, "policy:strong"), load(root).tasks[TASK]
    provide(root, AGENT, chosen)
    with Engine.connect() as engine, ThreadPoolExecutor(2) as pool:
        study = Study(root, task, engine, pool, Caps())
        made = [_trial(study, chosen, number) for number in range(times + 1)]
    typical = statistics.median(whole - own for whole, own in made[1:])
    own = statistics.median(own for _, own in made[1:])
    return own + typical, own


def _trial(study: Study, chosen: AgentSettings, number: int) -> tuple[float, float]:
    """Seconds of a trial without its tests, and of the agent's turns."""
    testing, run_tests, watches = list[float](), session.run_tests, list[Watch]()

    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return run_tests(*arguments)
        finally:
            testing.append(time.perf_counter() - started)

    def watch(*arguments: Any) -> Watch:
        watches.append(Watch(*arguments))
        return watches[-1]

    (turn,) = turns([AGENT], "bench", TASK, 1, number)
    order = Order(turn, chosen, "simulated", "bench", number)
    with patch.object(session, "run_tests", timed), patch.object(session, "Watch", watch):
        started = time.perf_counter()
        ((_, recording),) = study.perform({f"trial-{number}": order}, 1)
        keep(study.root, TASK, order, recording)
        spent = time.perf_counter() - started - sum(testing)
    assert [done.report.passed for done in recording.final.values()] == [True, True], recording.ended
    return spent, watches[0].spent
