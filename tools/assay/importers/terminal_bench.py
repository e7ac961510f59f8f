"""Trials of Terminal-Bench: what was typed into the recorded terminal, what it showed, and what the tests said.

Most agents run as programs inside the terminal and leave nothing there that can be read as actions: of those only the
results can be imported, as a table.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.importers.building import Account, Call, Clock, Draft, Result, finish
from assay.importers.contract import Imported
from assay.importers.masking import Mask, Names, users_in
from assay.importers.source import ImportFailed, Node, Source
from assay.importers.terminal_bench_outcomes import is_trial, reported
from assay.importers.terminal_bench_screen import Action, of_cast, of_screen
from assay.model.identity import Identity

PRODUCT = "terminal-bench"
_RESULTS = "results.json"
_NOISE = ("asciinema rec", "/installed-agent/", "tmux ", "/logs/agent.cast")
_LEAST = 25
"""Characters of the instruction by which the launch of an agent is known."""


class TerminalBench:
    """The importer."""

    name = PRODUCT

    def sniff(self, source: Source) -> bool:
        """The record of a trial, its folder, or the folder of a run."""
        return bool(_trials(source)[:1])

    def read(self, source: Source) -> list[Imported]:
        """The trials in whose recordings actions can be read, labelled by their names where there are several."""
        trials = _trials(source)
        metadata = source.beside("run_metadata.json") if source.is_folder else None
        who = _Who(metadata.root.mapping() if metadata else None)
        found = [_Trial(trial, who) for trial in trials]
        readable = [trial for trial in found if trial.actions]
        if not readable:
            none = f"none of {len(found)} trials has" if len(found) > 1 else "the trial's recording has no"
            message = f"{source.path}: {none} actions that can be read; only results can be imported"
            raise ImportFailed(message, "import them with `--format results`")
        if len(found) > len(readable):
            text = f"Trials without actions that can be read, which were left out: {len(found) - len(readable)}."
            readable[0].account.notes.append(text)
        return [trial.imported(label=len(found) > 1) for trial in readable]


def _trials(source: Source) -> list[Source]:
    files = source.inside(f"**/{_RESULTS}") if source.is_folder else [source]
    return [file for file in files if is_trial(file.peek())]


class _Who:
    """What a run's metadata give away."""

    def __init__(self, run: Node | None) -> None:
        self.agent = (run.text("agent_name") or run.text("agent") if run else None) or "unknown"
        self.model = run.text("model_name") or run.text("model") if run else None
        user = run.text("username") if run else None
        self.names = Names(
            agents=frozenset({self.agent, PRODUCT}),
            models=frozenset({self.model} if self.model else ()),
            users=frozenset({user} if user else ()) | users_in(run.text("output_path") if run else None),
        )


class _Trial:
    """One attempt."""

    def __init__(self, results: Source, who: _Who) -> None:
        self.results, self.who = results, who
        self.trial = results.root.mapping()
        self.account = Account()
        self.files = [results.path]
        self.instruction = self.trial.text("instruction") or ""
        self.actions = [action for action in self._recorded() if not self._is_noise(action)]

    def _recorded(self) -> Sequence[Action]:
        """From the best of the recordings that are there."""
        for name, read in (("sessions/agent.cast", of_cast), ("sessions/agent.log", of_screen)):
            if (file := self.results.beside(name)) and (found := read(file, self.account)):
                self.files.append(file.path)
                return found
        panes = self.results.beside("panes/post-agent.txt")
        return of_screen(panes, self.account) if panes else []

    def _is_noise(self, action: Action) -> bool:
        """Installing the agent, launching it, and what the harness itself types."""
        start = self.instruction.strip()[:_LEAST]
        launch = len(start) == _LEAST and start in action.command
        own = action.command in ("clear", "exit", "^D") or any(mark in action.command for mark in _NOISE)
        self.account.dropped["launch of the agent"] += launch
        self.account.dropped["command of the harness"] += own and not launch
        return own or launch

    def imported(self, *, label: bool) -> Imported:
        draft, clock = Draft(Mask(self.who.names), self.account), Clock(self.account)
        if self.instruction:
            draft.add("user", self.instruction)
        for action in self.actions:
            waited = clock.since_previous(action.at)
            draft.add(
                "agent",
                "",
                calls=[Call("typed", "terminal", {"command": action.command})],
                results=[Result("typed", action.output)],
                extra=None if waited is None else {"seconds_since_previous": waited},
            )
        self.account.open.append("Only what was typed into the terminal is known, and what the terminal showed then.")
        tokens = [self.trial.count(f"total_{kind}_tokens") for kind in ("input", "output")]
        if any(tokens):
            self.account.notes.append(
                f"Tokens of the whole trial, in and out: {tokens[0] or 0:,} and {tokens[1] or 0:,}."
            )
        name = self.trial.text("trial_name") or self.trial.text("id") or self.trial.text("uuid") or "trial"
        extra = {"trial": name, "started": self.trial.text("trial_started_at") or ""}
        identity = Identity(
            agent=self.who.agent,
            model=self.who.model,
            source_format=PRODUCT,
            source_sha256=self.results.sha256,
            extra={key: value for key, value in extra.items() if value},
        )
        result = reported(self.trial)
        return finish(draft, identity, self.files, label=name if label else "", reported=result)
