"""Rules on simulated users: what they may say, and that all of it can come to be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.diagnostics import Diagnostic
from assay.documents.source import Loc
from assay.evidence.leaks import LeakGuard
from assay.model.user import Intent, SimulatedUser
from assay.rules import rule
from assay.workspace import Entry, Task, Workspace


@rule("user-leaks", about="tasks/*/user.yaml")
def user_leaks(workspace: Workspace) -> Iterator[Diagnostic]:
    """No text of a simulated user gives away what only the author may know.

    Runs of words from the reference solution, from the tests or from another intent, identifiers that only solution
    and tests have, and the literals listed in `forbidden`, would solve a part of the task for the agent, and the
    measured difficulty would be wrong. The user never says such a text, so the agent would miss what it says besides.

    Bad:
        forbidden: ["BEGIN IMMEDIATE"]
        says: ["Open the transaction with begin immediate, please."]

    Good:
        forbidden: ["BEGIN IMMEDIATE"]
        says: ["Two jobs must not step on each other."]
    """
    for task, user in _users(workspace):
        guard = LeakGuard(task.folder, user.record.forbidden)
        for loc, text, others in _texts(user.record):
            if hits := guard.check(text, unrevealed=others).hits:
                message = f"the simulated user must not say `{hits[0]}`, which only the author knows"
                hint = "say it in other words, or leave it for the agent to find out"
                yield Diagnostic.at(user.path, user.document.position(loc), "user-leaks", message, hint=hint)


def _texts(user: SimulatedUser) -> Iterator[tuple[Loc, str, list[str]]]:
    """What may be said, and what other intents say."""
    everything = [text for intent in user.intents for text in intent.says]
    yield ("opening",), user.opening, everything
    for number, text in enumerate(user.unknown_reply):
        yield ("unknown_reply", number), text, everything
    for number, intent in enumerate(user.intents):
        others = [text for other in user.intents if other is not intent for text in other.says]
        for variant, text in enumerate(intent.says):
            yield ("intents", number, "says", variant), text, others


@rule("user-intents")
def user_intents(workspace: Workspace) -> Iterator[Diagnostic]:
    """Each milestone is asked for, and every intent of a simulated user can come to be said, once its turn is there.

    What can never be said counts as not elicited in every trial. Without a request an agent gets the bare
    instruction; intents with one id share their repeats; one that waits for itself, for a later milestone or for what
    is not there is never said; and what is said at the start is the first request.

    Bad:
        - {id: cron, milestone: merge-rows, kind: context, after: [crom], reveal: [{on_ask: [cron]}], says: [Daily.]}

    Good:
        - {id: cron, milestone: merge-rows, kind: context, reveal: [{on_ask: [cron]}], says: [Daily.]}
    """
    for task, user in _users(workspace):
        if task.file is None:
            continue
        for loc, message in _unsayable(user.record.intents, task.milestones):
            yield Diagnostic.at(user.path, user.document.position(loc), "user-intents", message)


def _unsayable(intents: Sequence[Intent], milestones: Sequence[str]) -> Iterator[tuple[Loc, str]]:
    ids = [intent.id for intent in intents]
    reachable = _reachable(intents)
    for number, intent in enumerate(intents):
        loc: Loc = ("intents", number)
        if intent.id in ids[:number]:
            yield (*loc, "id"), f"ids must be unique, found `{intent.id}` again"
        for place, name in enumerate(intent.after):
            if name not in ids:
                yield (*loc, "after", place), f"`after` must name an intent of this file, found `{name}`"
        if set(intent.after) <= set(ids) and intent.id not in reachable:
            yield (*loc, "after"), f"`{intent.id}` waits for itself: `after` must not go round in a circle"
        if intent.milestone in milestones and _too_late(intent, milestones):
            message = (
                f"`{intent.id}` asks for `{intent.milestone}`, so it must not wait until that or a later one passes"
            )
            yield (*loc, "reveal"), message
        first = intent.kind == "request" and intent.milestone not in milestones[1:]
        if not first and all(trigger.at_start for trigger in intent.reveal):
            yield (*loc, "reveal"), f"only a request for the first milestone is made `at_start`, found `{intent.id}`"
    misnamed = any(intent.milestone not in milestones for intent in intents)  # which another rule says
    for name in () if misnamed else milestones:
        if all(intent.milestone != name or intent.kind != "request" for intent in intents):
            yield ("intents",), f"no intent of kind `request` asks for `{name}`"


def _reachable(intents: Sequence[Intent]) -> set[str]:
    """Ids of intents whose `after` can be fulfilled; one that is not there counts as said."""
    ids = {intent.id for intent in intents}
    done: set[str] = set()
    while more := {item.id for item in intents if set(item.after) & ids <= done} - done:
        done |= more
    return done


def _too_late(intent: Intent, milestones: Sequence[str]) -> bool:
    """Whether a request waits for the end of what it asks for, or of more."""
    waited = [trigger.on_milestone_pass for trigger in intent.reveal]
    later = milestones[milestones.index(intent.milestone) :]
    return intent.kind == "request" and bool(waited) and all(name in later for name in waited)


def _users(workspace: Workspace) -> Iterator[tuple[Task, Entry[SimulatedUser]]]:
    for task in workspace.tasks.values():
        if task.user:
            yield task, task.user
