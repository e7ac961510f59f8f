"""A trial: one agent in one fresh container, and somebody who speaks as its user, until the user is done.

Between turns the work tree is handed in as a patch and the tests run on a copy of it; the agent never sees them. What
was said and done before something broke is always kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from assay.agents.contract import AgentFailed, Conversation, Permission, StopReason
from assay.agents.transcript import Transcript
from assay.executors import EngineError
from assay.executors.docker import Engine
from assay.importers.vocabulary import neutral
from assay.model.agents import AgentSettings
from assay.model.outcome import TestReport, is_valid
from assay.model.session import Ending, Mode
from assay.model.trajectory import Step
from assay.patches import parse_patch
from assay.sealing.order import Turn
from assay.simulation.contract import Facts, User
from assay.trials.cell import Cell, cell
from assay.trials.conversing import Programs
from assay.trials.disguise import Disguise
from assay.trials.endings import Ended, diagnose
from assay.trials.gateway import Gateway
from assay.trials.milestones import HandedIn, Start, reference_until, run_tests
from assay.trials.recording import Recording
from assay.trials.watching import Caps, Watch
from assay.verification.preparation import Prepared
from assay.verification.verdicts import Verified

_ENDINGS: Mapping[str, Ending] = {"DONE": "done", "CAPPED": "capped"}


@dataclass(frozen=True)
class Order:
    """One trial of a study: who, as what user, from where, and its place among the trials of its task."""

    turn: Turn
    settings: AgentSettings
    mode: Mode
    seed: str
    position: int
    starts_at: str | None = None


@dataclass
class Controls:
    """What a person who speaks as the user can do besides, while the session runs."""

    check: Callable[[str], Sequence[TestReport]] = lambda milestone: ()
    diff: Callable[[], str] = lambda: ""
    interrupt: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Bench:
    """What a trial works with, shared by all trials of a task."""

    engine: Engine
    prepared: Prepared
    pool: Executor
    caps: Caps


def run_trial(
    bench: Bench,
    order: Order,
    user: User,
    recording: Recording,
    gateway: Gateway | None,
    program: Path | None,
    disguise: Disguise,
    folder: Path,
    controls: Controls,
) -> None:
    """Fill `recording`, whatever happens; raises only what interrupts this process.

    `program` is the agent's folder on this machine, `folder` scratch space.
    """
    try:
        with ThreadPoolExecutor(1) as beside, ExitStack() as stack:
            # the image's files are read while the container starts
            starting = beside.submit(Start, bench.engine, bench.prepared, folder)
            box = stack.enter_context(cell(bench.engine, bench.prepared, order.settings, gateway, program))
            start = starting.result()
            recording.isolation = box.isolation
            recording.agent_state, recording.image_home = list(box.state_before), list(box.image_home)
            recording.sealed |= box.sealed_facts()
            if order.starts_at:
                reference_until(box.shell, bench.prepared, order.starts_at, folder)
            states = States(bench, recording, start, box, folder, order.starts_at)
            controls.check, controls.diff = states.check, states.diff
            watch = Watch(bench.caps, box, gateway)
            recording.ended = _in_cell(order, user, recording, states, watch, disguise, controls)
            states.close()
    except EngineError as error:
        if recording.ended is None or is_valid(recording.ended.outcome):
            recording.ended = Ended("environment", str(error))


def _in_cell(
    order: Order,
    user: User,
    recording: Recording,
    states: States,
    watch: Watch,
    disguise: Disguise,
    controls: Controls,
) -> Ended:
    programs = Programs(order.settings, states.box, recording.prepared.task.folder, states.folder)
    started = time.monotonic()
    talk: Conversation | None = None
    try:
        talk = programs.conversation()
        controls.interrupt = talk.interrupt
        return _Talk(talk, user, recording, states, watch, disguise).to_the_end()
    except AgentFailed as failure:
        return diagnose(failure, watch.seen(programs.exit_code))
    except KeyboardInterrupt:
        if order.mode != "me":
            raise
        return Ended("user-ended", "the agent did not stop when it was asked to, and the user left")
    finally:
        recording.seconds = time.monotonic() - started
        if talk:
            talk.close()


@dataclass
class _Talk:
    """The turns of a session."""

    talk: Conversation
    user: User
    recording: Recording
    states: States
    watch: Watch
    disguise: Disguise

    def to_the_end(self) -> Ended:
        """Raises AgentFailed."""
        transcript = Transcript(self._took, neutral, self.disguise.traffic, prose=self.disguise.prose)
        move = self.user.open()
        while move.text is not None:
            self.states.begin(move.begins)
            transcript.user(move.text, {"assay": {"milestone": self.states.current, **move.disclosure}})
            self.recording.turns += 1
            first, asked = len(self.recording.steps), list[str]()
            reason = self._turn(move.text, transcript, asked)
            if reason == "refusal":
                return Ended("gave-up", "the agent refused to go on")
            facts = self.states.facts(self.recording.steps[first:], tuple(asked), self.watch.spent)
            self.user.tested([done.report for done in self.states.results.values()])
            move = self.user.next(facts)
        return Ended(_ENDINGS.get(move.state, "user-ended"))

    def _turn(self, text: str, transcript: Transcript, asked: list[str]) -> StopReason:
        def allow(request: Permission) -> bool:
            asked.append(self.disguise.traffic(request.title))
            with self.watch.somebody_elses():
                return self.user.allow(asked[-1])

        try:
            with self.watch.turn(self.talk):
                if "agent" not in self.recording.sealed:  # what was asked for stays, also when nobody is there
                    self.recording.sealed["agent"] = told = dict(self.talk.open())
                    self.disguise.learn(told)
                return self.talk.say(text, self.watch.hearing(transcript.hear), allow)
        finally:
            transcript.finish_turn()
            self.recording.metrics = transcript.final_metrics

    def _took(self, step: Step) -> None:
        self.recording.steps.append(step)
        if step.source == "agent":
            self.user.hear(step)


class States:
    """The work tree after each turn, handed in and tested on a copy."""

    def __init__(
        self, bench: Bench, recording: Recording, start: Start, box: Cell, folder: Path, starts_at: str | None
    ) -> None:
        self.box, self.folder = box, folder
        self.current = starts_at or bench.prepared.file.milestones[0]
        self.results: dict[str, Verified] = {}
        """Of the milestones that were begun, as the work tree is now."""
        self._bench, self._recording, self._start = bench, recording, start
        self._begun: list[str] = []
        self._handed: HandedIn | None = None
        self._count = 0

    def begin(self, milestone: str | None) -> None:
        """The user asks for a milestone: the one before counts as handed in."""
        if milestone is None or milestone in self._begun:
            return
        self._keep()
        self._begun.append(milestone)
        self.current = milestone

    def facts(self, steps: Sequence[Step], asked: tuple[str, ...], seconds: float) -> Facts:
        """What can be observed after the turn that took `steps`."""
        before = self._handed.patch if self._handed else b""
        self.look()
        patch = self._handed.patch if self._handed else b""
        reports = [done.report for done in self.results.values()]
        for report in reports:
            if report.passed:
                self._recording.turns_to.setdefault(report.milestone, self._recording.turns)
        return Facts(
            turn=self._recording.turns,
            message=_last_words(steps),
            calls=sum(len(step.tool_calls or ()) for step in steps),
            passed={report.milestone: report.passed for report in reports if report.passed is not None},
            failed_tests=frozenset(_failed(reports)),
            changed=patch != before,
            touched=tuple(diff.path for diff in parse_patch(patch.decode("utf-8", "surrogateescape"))),
            permissions=asked,
            seconds=seconds,
        )

    def look(self) -> Sequence[TestReport]:
        """Hand in the work tree as it is and run the tests of what was begun, unless nothing has changed since."""
        self._count += 1
        handed = self._start.hand_in(self.box.shell, f"turn-{self._count}")
        wanted = [name for name in self._begun if self._changed(handed) or name not in self.results]
        self._handed = handed
        self.results |= self._tested(wanted)
        return [done.report for done in self.results.values()]

    def check(self, milestone: str) -> Sequence[TestReport]:
        """The tests of one milestone on the work tree as it is now."""
        self.look()
        if milestone not in self.results:
            self.results |= self._tested([milestone])
        return [self.results[milestone].report]

    def diff(self) -> str:
        """The work tree as it is now, as a patch."""
        return self._start.patch(self.box.shell).decode("utf-8", "replace")

    def _changed(self, handed: HandedIn) -> bool:
        return self._handed is None or self._handed.digest != handed.digest

    def _tested(self, names: Sequence[str]) -> dict[str, Verified]:
        if not names or self._handed is None:
            return {}
        folder = self.folder / f"tests-{self._count}-{len(self.results)}"
        return run_tests(self._bench.engine, self._bench.prepared, names, self._handed.taken, self._bench.pool, folder)

    def _keep(self) -> None:
        if self._handed is not None and self._begun:
            self._recording.patches[self.current] = self._handed.patch
            self._recording.tested[self.current] = dict(self.results)

    def close(self) -> None:
        """The end of the session: what was never begun is tested as well. A container that is gone keeps what was."""
        if not self.box.died():
            self.look()
        self._keep()
        missing = [name for name in self._bench.prepared.file.milestones if name not in self.results]
        if self._recording.tested:
            self._recording.final.update(self._tested(missing))


def _last_words(steps: Sequence[Step]) -> str:
    """What was said after the last call; when that is nothing, what came with it."""
    after: list[str] = []
    for step in steps:
        after = [step.text] if step.tool_calls else [*after, step.text]
    return "\n".join(text for text in after if text.strip())


def _failed(reports: Sequence[TestReport]) -> list[str]:
    return [
        f"{report.milestone}/{test.name}"
        for report in reports
        for test in report.tests
        if test.status in ("failed", "error")
    ]
