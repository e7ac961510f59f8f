"""Rules on the reward: written once, last, from the outcome of the tests, in the place where it is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from assay.audit import task_rule
from assay.audit.dockerfile import Instruction, instructions
from assay.audit.folder import Source, TaskFolder
from assay.audit.reward_flow import REWARD, Flow, Path, Write
from assay.audit.shell import script
from assay.audit.statements import Node, runs_tests
from assay.diagnostics import Diagnostic, Severity

PLACES = ("/logs/verifier/reward.txt", "/logs/verifier/reward.json")
_MENTIONS = re.compile(r"reward\.(txt|json)|logs/verifier|reward_(file|path)", re.IGNORECASE)


@dataclass(frozen=True)
class _Plumbing:
    """What a script does about the reward; `elsewhere` if another file of the tests may write it."""

    source: Source
    writes: tuple[Write, ...]
    ends: tuple[Path, ...]
    elsewhere: bool


@lru_cache(maxsize=2)
def _plumbing(folder: TaskFolder) -> tuple[_Plumbing, ...]:
    return tuple(_read(folder))


def _read(folder: TaskFolder) -> Iterator[_Plumbing]:
    for source in folder.scripts if folder.kind == "harbor" else ():
        texts = {file: folder.text(file) for file in folder.tests if file != source.path}
        writers = {file.rpartition("/")[2] for file, text in texts.items() if text is None or _MENTIONS.search(text)}
        flow = Flow(script(source.text), _delegates(writers))
        ends = flow.ends()
        yield _Plumbing(source, tuple(flow.writes), tuple(ends), bool(writers))


def _delegates(writers: set[str]) -> Callable[[Node], bool]:
    def delegates(node: Node) -> bool:
        named = any(word.rpartition("/")[2] in writers for word in node.words)
        return named or (runs_tests(node.argv) and any(name.endswith(".py") for name in writers))

    return delegates


@task_rule("reward-ungated")
def reward_ungated(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A positive reward is written only where the outcome of the tests allows it.

    A status that is thrown away (`|| true`, the status of `tee`, of an `echo` in between) gates nothing.

    Bad:
        pytest /tests | tee log
        if [ $? -eq 0 ]; then echo 1 > /logs/verifier/reward.txt; fi

    Good:
        set -o pipefail
        pytest /tests | tee log
        if [ $? -eq 0 ]; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi
    """
    for plumbing in _plumbing(folder):
        seen: dict[int, str] = {}
        for write in plumbing.writes:
            if (write.number or 0) > 0 and write.before.verdict in ("unknown", "failed"):
                tested = write.before.tested
                lost = f"whatever the tests of line {tested} said" if tested else "before any test has run"
                seen.setdefault(write.line, f"reward {write.value} is written {lost}")
        for line, message in seen.items():
            yield folder.at(plumbing.source.path, line, "reward-ungated", message, hint=_ONCE)


_ONCE = "write the reward once, last, from the exit status of the tests"


@task_rule("reward-not-on-every-path")
def reward_not_on_every_path(folder: TaskFolder) -> Iterator[Diagnostic]:
    """A script that ran the tests writes a reward, whether they passed or failed.

    A missing reward means that the verifier broke: a failed attempt would be reported as a broken task. `set -e` ends
    a script at its first failing test. A crash of the verifier itself should leave no reward.

    Bad:
        set -e
        pytest /tests
        echo 1 > /logs/verifier/reward.txt

    Good:
        if pytest /tests; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi
    """
    for plumbing in _plumbing(folder):
        place = plumbing.source.path
        if not plumbing.writes:
            if not plumbing.elsewhere and not _MENTIONS.search(plumbing.source.text):
                yield folder.at(place, 1, "reward-not-on-every-path", "nothing here writes a reward", hint=_ONCE)
            continue
        silent = [end for end in plumbing.ends if end.written is None and not end.trapped]
        lines = {end.tested for end in silent if end.verdict == "failed"}
        only_good = all((write.number or 0) > 0 for write in plumbing.writes)
        if not lines and only_good and any(end.verdict == "gated" for end in silent):
            lines = {min(write.line for write in plumbing.writes)}
        for line in sorted(lines):
            message = "when the tests fail, the script ends without a reward"
            yield folder.at(place, line or 1, "reward-not-on-every-path", message, hint=_ONCE)


@task_rule("reward-prewritten", Severity.WARNING)
def reward_prewritten(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The reward is not written before the tests have run.

    A zero that was written first turns every fault of the verifier into a failed attempt.

    Bad:
        echo 0 > /logs/verifier/reward.txt
        pytest /tests && echo 1 > /logs/verifier/reward.txt

    Good:
        if pytest /tests; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi
    """
    for plumbing in _plumbing(folder):
        early = {
            w.line for w in plumbing.writes if w.number == 0 and w.before.verdict == "unknown" and not w.before.tested
        }
        later = {write.line for write in plumbing.writes} - early
        for line in sorted(early) if later or plumbing.elsewhere else ():
            message = "a reward of 0 is written before the tests run, so a fault of the verifier looks like a failure"
            yield folder.at(plumbing.source.path, line, "reward-prewritten", message, hint=_ONCE)


@task_rule("reward-path")
def reward_path(folder: TaskFolder) -> Iterator[Diagnostic]:
    """The reward is written to `/logs/verifier/reward.txt` or `/logs/verifier/reward.json`.

    No other file is looked at.

    Bad:
        echo 1 > /logs/reward.txt

    Good:
        echo 1 > /logs/verifier/reward.txt
    """
    for plumbing in _plumbing(folder):
        texts = [plumbing.source.text, *(folder.text(file) or "" for file in folder.tests)]
        if any(place in text for text in texts for place in PLACES) or any("$" in w.target for w in plumbing.writes):
            continue
        wrong = {write.line: write.target for write in plumbing.writes if write.target not in PLACES}
        for line, target in wrong.items():
            message = f"the reward is written to `{target}`, where nobody looks for it"
            yield folder.at(plumbing.source.path, line, "reward-path", message, hint=f"write `{PLACES[0]}`")


@task_rule("reward-baked")
def reward_baked(folder: TaskFolder) -> Iterator[Diagnostic]:
    """No image contains a reward.

    It would be found when the verifier writes none.

    Bad:
        RUN mkdir -p /logs/verifier && echo 0 > /logs/verifier/reward.txt

    Good:
        RUN mkdir -p /logs/verifier
    """
    dockerfiles = [folder.dockerfile, *folder.sources([file for file in folder.tests if file.endswith("/Dockerfile")])]
    for source in filter(None, dockerfiles):
        for line in {line for item in instructions(source.text) for line in _bakes(item)}:
            yield folder.at(source.path, line, "reward-baked", "the image contains a reward before anything has run")


def _bakes(item: Instruction) -> Iterator[int]:
    if item.name in ("COPY", "ADD") and item.words and item.words[-1] in PLACES:
        yield item.line
    for command in item.script.commands if item.name == "RUN" else ():
        targets = [redirect.target for redirect in command.redirects if redirect.writes]
        targets += command.words[1:] if command.name in ("tee", "touch", "cp", "mv") else ()
        if any(REWARD.search(target) and "/logs/" in target for target in targets):
            yield command.line
