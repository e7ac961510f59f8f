"""Rules on sealed identities: promised with the trajectories, and opened as they were promised."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from assay.diagnostics import Diagnostic, Position, Severity
from assay.rules import rule
from assay.sealing.commitments import broken
from assay.sealing.maps import SEALED
from assay.workspace import Attempt, Workspace

_RESEAL = "run `assay seal {}` on the machine that made it, or with a recipient's key"


@rule("seal-missing", Severity.WARNING)
def seal_missing(workspace: Workspace) -> Iterator[Diagnostic]:
    """Where assay.toml names recipients, every attempt and result of an agent has a commitment to who made it.

    An identity that was not promised when its trajectory was published can be made up later, and nobody could tell.

    Bad:
        # trajectories/row-merge/calm-heron/ is there, and commitments.json does not name it
        "commitments": {"dry-finch": "77aa…"}

    Good:
        "commitments": {"calm-heron": "31c2…", "dry-finch": "77aa…"}
    """
    for task, attempts in workspace.attempts.items():
        entry = workspace.commitments.get(task)
        if not entry and not workspace.settings.seal.recipients:
            continue
        promised = entry.record.commitments if entry else {}
        made = {a.alias: (f"{a.path}/trajectory.json", Position(1, 1)) for a in attempts.values() if _has_a_maker(a)}
        for alias, (path, position) in (_reported(workspace, task) | made).items():
            if alias not in promised:
                message = f"nothing was promised about who made `{alias}`"
                yield Diagnostic.at(path, position, "seal-missing", message, hint=_RESEAL.format(task))


def _reported(workspace: Workspace, task: str) -> dict[str, tuple[str, Position]]:
    """Where results stand of which nothing else is known."""
    entry = workspace.reported.get(task)
    if not entry:
        return {}
    alone = [alias for alias in entry.record.attempts if alias not in workspace.attempts.get(task, {})]
    return {alias: (entry.path, entry.document.key_position(("attempts", alias))) for alias in alone}


def _has_a_maker(attempt: Attempt) -> bool:
    """Whether it is not somebody's own recording."""
    return attempt.trajectory is not None and not (
        attempt.session and attempt.session.record.predicate.kind == "recorded"
    )


@rule("seal-file")
def seal_file(workspace: Workspace) -> Iterator[Diagnostic]:
    """The sealed map is the one that the commitments were published with.

    An older map lacks identities that were promised; another one may name other makers, which nobody can see before
    it is opened.

    Bad:
        # identities.age was restored from an older commit
        "sealed_sha256": "9f86…"

    Good:
        # the SHA-256 of identities.age as it is
        "sealed_sha256": "31c2…"
    """
    for entry in workspace.commitments.values():
        file = (workspace.root / entry.path).with_name(SEALED)
        content = file.read_bytes() if file.is_file() else None
        if content is not None and sha256(content).hexdigest() == entry.record.sealed_sha256:
            continue
        found = "it is another file" if content is not None else "it is not there"
        message = f"{SEALED} must be the file that `sealed_sha256` names; {found}"
        hint = f"restore both files from the same commit, or seal again; {_RESEAL.format(entry.record.task)}"
        yield Diagnostic.at(entry.path, entry.document.position(("sealed_sha256",)), "seal-file", message, hint=hint)


@rule("seal-recipients", Severity.WARNING)
def seal_recipients(workspace: Workspace) -> Iterator[Diagnostic]:
    """Identities are sealed for the recipients that assay.toml names now.

    Somebody who became a coordinator cannot open what was sealed before; somebody who is one no longer still can.

    Bad:
        # assay.toml: recipients = ["age1new…"]
        "recipients": ["age1old…"]

    Good:
        "recipients": ["age1new…"]
    """
    wanted = set(workspace.settings.seal.recipients)
    for entry in workspace.commitments.values():
        if set(entry.record.recipients) != wanted:
            message = "the map is sealed for other recipients than assay.toml names"
            position = entry.document.position(("recipients",))
            hint = _RESEAL.format(entry.record.task)
            yield Diagnostic.at(entry.path, position, "seal-recipients", message, hint=hint)


@rule("seal-opening")
def seal_opening(workspace: Workspace) -> Iterator[Diagnostic]:
    """Every identity that is opened is the one that was promised, and all that was promised is opened.

    Commitments can be computed again from the published key. Where they differ, an identity was changed after the
    trajectory could be read, two aliases were swapped, or a commitment was edited.

    Bad:
        # opening.json names agent-b for calm-heron; the commitment was made to agent-a
        "calm-heron": {"agent": "agent-b", …}

    Good:
        "calm-heron": {"agent": "agent-a", …}
    """
    for task, entry in workspace.openings.items():
        promised = workspace.commitments.get(task)
        if promised is None:
            message = "identities are opened that were never committed to: commitments.json is not there"
            yield Diagnostic.at(entry.path, Position(1, 1), "seal-opening", message, hint="restore it from git")
            continue
        for alias, message in broken(entry.record, promised.record.commitments):
            position = entry.document.position(("identities", alias))
            hint = "`git log -p` of both files shows what was changed, and when"
            yield Diagnostic.at(entry.path, position, "seal-opening", message, hint=hint)
