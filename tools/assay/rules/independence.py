"""Rules on who could read what when they graded: told from the protected branch, never from dates."""

from __future__ import annotations

from collections.abc import Iterator

from assay.diagnostics import Diagnostic, Position, Severity
from assay.documents import Document
from assay.documents.source import Loc
from assay.landings import Landings, landings
from assay.lineage import MainLine
from assay.rules import declare
from assay.sealing.places import is_seal, owner, seal_path
from assay.workspace import SETTINGS, Workspace

declare(
    "seal-early-reveal",
    """No annotation of a task, no run and no draft can be read before everybody assigned to it has sealed.

Who reads what others decided decides otherwise. Seals come before on the first-parent line of the protected branch,
where squashed, rebased and merged pull requests all land; a reveal that lands together with a seal is early.

Bad:
    # one pull request
    annotations/row-merge/rater-2.seal.json
    annotations/row-merge/rater-1.yaml

Good:
    # the first pull request
    annotations/row-merge/rater-2.seal.json
    # a later one
    annotations/row-merge/rater-1.yaml
""",
)
declare(
    "seal-incomplete",
    """Where annotations are sealed, nobody's can be read while somebody assigned, or its own author, has never sealed.

An annotator who is missing can still read everything, and the one who never sealed may have read it.

Bad:
    # people.yaml
    assigned: {row-merge: [rater-1, rater-2]}
    # rater-2.seal.json is not there
    annotations/row-merge/rater-1.yaml

Good:
    annotations/row-merge/rater-1.seal.json
    annotations/row-merge/rater-2.seal.json
    annotations/row-merge/rater-1.yaml
""",
)
declare(
    "seal-late",
    """Nobody seals an annotation of a task after another one's was revealed.

Such an annotation may be good; that it was made alone, nothing shows.

Bad:
    # rater-1.yaml is on main
    annotations/row-merge/rater-3.seal.json

Good:
    # people.yaml, before anybody reveals
    assigned: {row-merge: [rater-1, rater-2, rater-3]}
""",
)
declare(
    "seal-changed",
    """A seal stays as it first landed: no later commit changes it, takes it away or puts it back.

Who can change a promise afterwards has promised nothing.

Bad:
    # an earlier commit of main says "commitment": "31c2…"
    "commitment": "77aa…"

Good:
    "commitment": "31c2…"
""",
)
declare(
    "seal-rewritten",
    """The commit that a reveal names, the head of the branch when all had sealed, is on the protected branch.

When it is gone, the branch was written anew, and with it the order of seals and reveals. Protect the branch against
force-pushes.

Bad:
    # main has no commit 5f1e…
    "main": "5f1e…"

Good:
    # git log --first-parent main
    "main": "0c9d…"
""",
)
declare(
    "seal-signature",
    """A seal's signature is by one of its annotator's `signing_keys`; with `signatures = true` every seal has one.

Keys are read from the protected branch, because a pull request could bring its own.

Bad:
    # annotations/row-merge/rater-1.seal.json.sig was made with another key
    signing_keys: ["ssh-ed25519 AAAA…one"]

Good:
    # ssh-keygen -Y sign -n annotation -f KEY rater-1.seal.json
    signing_keys: ["ssh-ed25519 AAAA…one"]
""",
)
declare(
    "stage-order",
    """With two stages, the seal of the first is on the protected branch before the seal of everything.

Otherwise nothing shows that verdicts on the work were fixed before the transcript was read.

Bad:
    # one pull request
    annotations/row-merge/rater-1.stage-1.seal.json
    annotations/row-merge/rater-1.seal.json

Good:
    # the first pull request
    annotations/row-merge/rater-1.stage-1.seal.json
    # a later one
    annotations/row-merge/rater-1.seal.json
""",
)
declare(
    "seal-unchecked",
    """Where annotations are sealed, the whole history of the protected branch is there to check the order.

Without it nothing is wrong that could be seen, and nothing is shown either.

Bad:
    git clone --depth 1 ADDRESS

Good:
    git clone ADDRESS
""",
    Severity.NOTE,
)


def check_independence(workspace: Workspace) -> Iterator[Diagnostic]:
    """Findings where the policy asks for sealed annotations; nothing elsewhere. Raises GitError."""
    if workspace.settings.annotations.independence != "sealed":
        return
    found = landings(workspace)
    line = found.line
    if line is None or line.shallow:
        yield from _unchecked(workspace, line)
    if line is not None:
        yield from _changed(workspace, line)
        yield from _rewritten(workspace, line)
        yield from _reveals(found)
        yield from _stages(found)
    yield from _signatures(found)


def _unchecked(workspace: Workspace, line: MainLine | None) -> Iterator[Diagnostic]:
    if workspace.sheets or workspace.seals:
        branch = workspace.settings.annotations.branch
        why = "the clone is shallow" if line else f"there is no branch `{branch}` here"
        message = f"that seals came before reveals cannot be checked for all: {why}"
        hint = "run `git fetch --unshallow`" if line else f"run it in a clone that has `{branch}`, or set `branch`"
        yield _at(".git", "seal-unchecked", message, hint)


def _changed(workspace: Workspace, line: MainLine) -> Iterator[Diagnostic]:
    from assay.contents import blob_id

    found = {path: f"commit {commit[:12]} changed it" for path, commit in line.later if is_seal(path)}
    for path, blob in line.shared.items():
        file = workspace.root / path
        if is_seal(path) and not file.is_file():
            found[path] = "it is gone"
        elif is_seal(path) and blob_id(file.read_bytes()) != blob:
            found[path] = "it was changed since"
    for path, what in found.items():
        hint = f"restore it: `git log {line.ref.removeprefix('refs/')} -- {path}`; a correction is a revision"
        yield _at(path, "seal-changed", f"a seal must stay as it first landed; {what}", hint)


def _rewritten(workspace: Workspace, line: MainLine) -> Iterator[Diagnostic]:
    policy = workspace.settings.annotations
    if line.shallow:
        return
    named: list[tuple[Document, Loc, str | None]] = [
        (entry.document, ("main",), entry.record.main) for entry in workspace.reveals
    ]
    if policy.since:
        named.append((workspace.documents[SETTINGS], ("annotations", "since"), policy.since))
    for document, loc, commit in named:
        if commit not in line.places:
            found = f"commit {commit[:12]} is not there" if commit else "no commit is named"
            message = f"`{loc[-1]}` must name a commit on the branch `{policy.branch}`; {found}"
            hint = "was the branch forced to another history? compare its head with pull requests and other clones"
            yield Diagnostic.at(document.path, document.position(loc), "seal-rewritten", message, hint=hint)


def _reveals(found: Landings) -> Iterator[Diagnostic]:
    for (task, annotator), (shown, path) in found.shown.items():
        if found.exempt(shown) or found.line is None or found.line.unknown(shown):
            continue
        wanted = [name for name in found.assigned(task) if name != annotator]
        missing = [name for name in (annotator, *wanted) if found.sealed(task, name) is None]
        early = [name for name in (annotator, *wanted) if name not in missing and not found.before(task, name, shown)]
        count = sum(found.before(task, name, shown) for name in found.sealers(task))
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            message = f"`{annotator}` can be read at `{task}`, and there is no seal of {names}"
            yield _at(path, "seal-incomplete", message, "take it back out of the branch until all have sealed")
        elif early:
            names = ", ".join(f"`{name}`" for name in early)
            message = f"`{annotator}` can be read at `{task}` before the seal of {names} was on `{found.branch}`"
            yield _at(path, "seal-early-reveal", message, "merge the seals first, then reveal in another pull request")
        elif not found.assigned(task) and count < found.least:
            message = f"`{annotator}` can be read at `{task}` when {count} had sealed; {found.least} must have"
            yield _at(path, "seal-incomplete", message, "wait for more seals, or say in people.yaml who is `assigned`")
    yield from _late(found)


def _late(found: Landings) -> Iterator[Diagnostic]:
    for task in found.tasks:
        revealed = [(place, name) for (of, name), (place, _) in found.shown.items() if of == task]
        for annotator in found.sealers(task):
            mine = found.sealed(task, annotator)
            if annotator in found.assigned(task) or mine is None or (found.line and found.line.unknown(mine)):
                continue
            for name in [name for place, name in revealed if place <= mine and name != annotator][:1]:
                message = f"`{annotator}` sealed `{task}` when `{name}` could be read already"
                hint = "assign everybody in annotations/people.yaml before the first reveal"
                yield _at(seal_path(task, annotator), "seal-late", message, hint)


def _stages(found: Landings) -> Iterator[Diagnostic]:
    if found.stages != 2:
        return
    for task in found.tasks:
        for annotator in found.sealers(task):
            place = found.sealed(task, annotator)
            first = found.sealed(task, annotator, 1)
            if place is None or found.exempt(place) or (found.line and found.line.unknown(place)):
                continue
            if first is None or first >= place:
                what = "there is none" if first is None else "it came with this one, or after it"
                message = f"the seal of the first stage must be on `{found.branch}` before; {what}"
                hint = f"merge `assay seal {task} --by {annotator} --stage 1` first, then grade the second stage"
                yield _at(seal_path(task, annotator), "stage-order", message, hint)


def _signatures(found: Landings) -> Iterator[Diagnostic]:
    workspace = found.workspace
    from assay.sealing.signing import SUFFIX, is_signed

    for seal in workspace.seals:
        signature = workspace.root / f"{seal.path}{SUFFIX}"
        _, annotator, _ = owner(seal.path)
        place = found.line.place(seal.path) if found.line else None
        if not signature.is_file():
            if workspace.settings.annotations.signatures and not (place is not None and found.exempt(place)):
                message = f"the seal must be signed by `{annotator}`; {signature.name} is not there"
                yield _at(seal.path, "seal-signature", message, "seal with `--sign KEY`")
            continue
        person = found.people.find(annotator) if found.people else None
        keys = person.signing_keys if person else []
        content = (workspace.root / seal.path).read_bytes()
        if not is_signed(content, signature, annotator, keys):
            path = f"{seal.path}{SUFFIX}"
            what = "it is of another key, or of another content" if keys else "people.yaml names no `signing_keys`"
            message = f"this must be a signature of the seal by `{annotator}`; {what}"
            hint = f"keys count as they are on `{found.branch}`: land a new one first, in its own pull request"
            yield _at(path, "seal-signature", message, hint)


def _at(path: str, name: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic.at(path, Position(1, 1), name, message, hint=hint)
