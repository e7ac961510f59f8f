"""Gold answers in one sealed file for the whole workspace.

Which tasks are gold must not show: not in a name, a size, a number of promises, or a diff. So there is one file,
padded, with one promise, that is written anew as a whole; and a workspace without gold can have it as well.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from assay.documents import parse, read, validate
from assay.errors import UsageError
from assay.kinds import R
from assay.model.gold import Gold, GoldAnswers, GoldPromise
from assay.sealing import age
from assay.sealing.commitments import canonical
from assay.storage import as_json, write_whole

DRAFTS = ".assay/gold"
SEALED, PROMISE = "annotations/gold.age", "annotations/gold.json"
_DOMAIN = b"assay/gold/v1\0"
_LEAST = 65536
"""Bytes of the smallest file: enough for a dozen tasks, so that its size tells nothing of their number."""


def commitment(gold: Gold) -> str:
    """Hex digest that binds all answers; the salt is 32 bytes, so that nobody finds them by trying."""
    tasks = gold.model_dump(mode="json")["tasks"]
    return sha256(_DOMAIN + bytes.fromhex(gold.salt) + canonical(tasks)).hexdigest()


def drafts(root: Path) -> Iterator[GoldAnswers]:
    """The answers that this machine knows. Raises UsageError for a file that cannot be used."""
    for file in sorted((root / DRAFTS).glob("*.yaml")):
        path = file.relative_to(root).as_posix()
        answers = _record(root, path, GoldAnswers)
        if answers.task != file.stem:
            raise UsageError("gold-invalid", f"{path}: `task` must be `{file.stem}`, found `{answers.task}`")
        yield answers


def seal(root: Path, recipients: Sequence[str], keys: Sequence[Path]) -> Gold:
    """Write all answers for the `recipients`: those that this machine knows, and those that are sealed already.

    To keep the latter, one of `keys` must open the file. Raises UsageError; then nothing is written.
    """
    public = age.public_keys(recipients, "annotations/people.yaml or assay.toml `[seal]`")
    before: Mapping[str, GoldAnswers] = open_gold(root, keys).tasks if (root / SEALED).exists() else {}
    tasks = {**before, **{answers.task: answers for answers in drafts(root)}}
    gold = Gold(format=1, salt=secrets.token_hex(32), tasks=dict(sorted(tasks.items())))
    sealed = age.encrypt(as_json(gold), public, _LEAST)
    promise = GoldPromise(
        format=1,
        commitment=commitment(gold),
        sealed_sha256=sha256(sealed).hexdigest(),
        recipients=list(dict.fromkeys(recipients)),
    )
    write_whole(root / SEALED, sealed)
    write_whole(root / PROMISE, as_json(promise))
    return gold


def open_gold(root: Path, keys: Sequence[Path]) -> Gold:
    """What gold.age holds, when it is what was promised. Raises UsageError."""
    if not (root / SEALED).is_file():
        hint = "seal one first, with answers or without: `assay gold --seal`"
        raise UsageError("not-sealed", f"{SEALED} is not there", hint)
    content, promise = (root / SEALED).read_bytes(), promised(root)
    text = age.decrypt(content, keys, SEALED, f"{PROMISE} lists the public ones").decode("utf-8", "replace")
    document, _ = parse(text.rstrip(), SEALED, ".json")
    gold = validate(document, Gold)[0] if document else None
    if gold is None:
        raise UsageError("gold-foreign", f"{SEALED} was opened, but its content is no gold", "restore it from git")
    if (promise.sealed_sha256, promise.commitment) != (sha256(content).hexdigest(), commitment(gold)):
        message = f"{SEALED} does not hold what {PROMISE} promises"
        raise UsageError("gold-mismatch", message, f"restore both from git; `git log -p {PROMISE}` shows what changed")
    return gold


def promised(root: Path) -> GoldPromise:
    """The promise beside the sealed file. Raises UsageError when it is not there or cannot be read."""
    return _record(root, PROMISE, GoldPromise)


def _record(root: Path, path: str, model: type[R]) -> R:
    document, found = read(root / path, path)
    record, more = validate(document, model) if document else (None, [])
    if record is None:
        first = [*found, *more][0]
        message = f"{path}:{first.line}:{first.column}: {first.message}"
        raise UsageError("gold-invalid", message, first.hint or "mend it, or restore it from git")
    return record
