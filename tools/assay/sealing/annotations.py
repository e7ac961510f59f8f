"""Seals of annotations, and what opens them again: a copy on the annotator's machine, and one for the coordinators."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from assay.documents import Document, parse, read, validate
from assay.errors import UsageError
from assay.model.annotation import Annotation
from assay.model.base import Record
from assay.model.seals import AnnotationReveal, AnnotationSeal, Opened, SealedCopy
from assay.sealing import age
from assay.sealing.grades import digests, evidence_files, promise
from assay.sealing.places import draft_path, evidence_path, reveal_path, seal_path, sheet_path
from assay.sealing.signing import SUFFIX, sign
from assay.storage import as_json, write_whole
from assay.workspace import Entry

KEPT = ".assay/seals"
_LEAST = 32768
"""Bytes of the smallest copy: its size must not tell how much somebody wrote."""
R = TypeVar("R", bound=Record)


def seal(
    root: Path,
    draft: Entry[Annotation],
    stage: Literal[1] | None,
    criteria: Sequence[str],
    recipients: Sequence[str],
    signing_key: Path | None = None,
) -> AnnotationSeal:
    """Commit to a draft and to the recorded runs beside it: to what it says of `criteria` for the first stage.

    The salt stays on this machine. Raises UsageError; then nothing is written.
    """
    task, annotator = draft.record.task, draft.record.annotator
    public = age.public_keys(recipients, "annotations/people.yaml or assay.toml `[seal]`")
    files = evidence_files(root, task, annotator)
    copy = _enclosed(draft, stage, files)
    record = AnnotationSeal(
        format=1,
        task=task,
        annotator=annotator,
        stage=stage,
        guidelines=draft.record.guidelines,
        rubric=draft.record.rubric,
        criteria=list(criteria),
        commitment=promise(task, annotator, stage, copy.salt, draft.document.data, digests(files), criteria),
        recipients=list(dict.fromkeys(recipients)),
        sealed=age.encrypt(as_json(copy), public, _LEAST, armoured=True).decode(),
    )
    content, path = as_json(record), seal_path(task, annotator, stage)
    if files:
        keep_local(root, task, annotator)
    signature = sign(content, signing_key) if signing_key else None
    _keep(root, copy)  # first: a seal without its salt could be opened by coordinators only
    if signature:
        write_whole(root / f"{path}{SUFFIX}", signature)
    write_whole(root / path, content)
    return record


def _enclosed(draft: Entry[Annotation], stage: Literal[1] | None, files: Mapping[str, bytes]) -> SealedCopy:
    return SealedCopy(
        format=1,
        task=draft.record.task,
        annotator=draft.record.annotator,
        stage=stage,
        salt=secrets.token_hex(32),
        annotation=draft.document.text,
        evidence={name: base64.b64encode(content).decode() for name, content in files.items()},
    )


def kept(root: Path, task: str, annotator: str, stage: int | None = None) -> SealedCopy:
    """The annotator's own copy of what was sealed. Raises UsageError when this machine has none."""
    path = _kept_path(task, annotator, stage)
    if not (root / path).is_file():
        message = f"{path} is not there: this machine did not seal the annotation of `{annotator}`, or lost the salt"
        hint = (
            f"do it where it was sealed, or have a coordinator do it: `assay reveal {task} --by {annotator} --with KEY`"
        )
        raise UsageError("salt-lost", message, hint)
    document, _ = read(root / path, path)
    return _copy(document, path)


def opened(root: Path, task: str, annotator: str, stage: int | None, keys: Sequence[Path]) -> SealedCopy:
    """The coordinators' copy, by one of their keys. Raises UsageError when none opens it."""
    path = seal_path(task, annotator, stage)
    record = seal_of(root, task, annotator, stage)
    listed = "its `recipients` are the public ones"
    text = age.decrypt(record.sealed.encode(), keys, path, listed, "--with").decode("utf-8", "replace")
    return _copy(parse(text.rstrip(), path, ".json")[0], path)


def seal_of(root: Path, task: str, annotator: str, stage: int | None = None) -> AnnotationSeal:
    """A seal as it is in the work tree. Raises UsageError when it is not there or cannot be read."""
    path = seal_path(task, annotator, stage)
    if not (root / path).is_file():
        hint = f"seal first: `assay seal {task} --by {annotator}{f' --stage {stage}' if stage else ''}`"
        raise UsageError("not-sealed", f"{path} is not there", f"{hint}; or bring this branch up to date")
    document, _ = read(root / path, path)
    record = validate(document, AnnotationSeal)[0] if document else None
    if record is None:
        raise UsageError("seal-unreadable", f"{path} is no seal", "restore the file from git")
    return record


def demand_kept(record: AnnotationSeal, copy: SealedCopy, path: str) -> Document:
    """The annotation in a copy, when it is what the seal promises. Raises UsageError when it is not."""
    document, _ = parse(copy.annotation, path, ".yaml")
    whose = (copy.task, copy.annotator, copy.stage)
    if document is None or whose != (record.task, record.annotator, record.stage):
        found = "it cannot be read" if document is None else f"it is of `{copy.annotator}` for `{copy.task}`"
        raise UsageError("seal-foreign", f"{path} was opened, but {found}", "restore the seal from git")
    made = promise(*whose, copy.salt, document.data, _evidence(copy), record.criteria)
    if made != record.commitment:
        message = f"{path}: what was sealed is not what the commitment promises"
        raise UsageError(
            "seal-mismatch", message, "restore the seal from git; `git log -p` of it shows what was changed"
        )
    return document


def reveal(root: Path, whole: SealedCopy, first: SealedCopy | None, main: str | None) -> AnnotationReveal:
    """Put an annotation and its recorded runs where all can read them, as they were sealed, with the salts.

    Raises UsageError when something else is in their place; then nothing is written. Can be called again after it was
    interrupted: the salts come last.
    """
    task, annotator = whole.task, whole.annotator
    contents = {f"{evidence_path(task, annotator)}/{name}": _bytes(text) for name, text in whole.evidence.items()}
    # the draft lies one folder deeper, so its editor finds the schema one further up
    contents[sheet_path(task, annotator)] = whole.annotation.replace("$schema=../../../", "$schema=../../", 1).encode()
    for path, content in contents.items():
        if (root / path).exists() and (root / path).read_bytes() != content:
            message = f"{path} is there and is not what was sealed; nothing was written"
            raise UsageError("file-exists", message, "move it away: what was sealed is what is revealed")
    for path, content in contents.items():
        write_whole(root / path, content)
    record = AnnotationReveal(
        format=1,
        task=task,
        annotator=annotator,
        main=main,
        whole=Opened(salt=whole.salt, evidence=_evidence(whole)),
        first=Opened(salt=first.salt, evidence=_evidence(first)) if first else None,
    )
    write_whole(root / reveal_path(task, annotator), as_json(record))
    (root / evidence_path(task, annotator) / ".gitignore").unlink(missing_ok=True)
    draft = root / draft_path(task, annotator)
    if draft.is_file() and draft.read_bytes() == whole.annotation.encode():
        draft.unlink()
    return record


def keep_local(root: Path, task: str, annotator: str) -> None:
    """Have git ignore somebody's recorded runs until the reveal."""
    folder = root / evidence_path(task, annotator)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def _keep(root: Path, copy: SealedCopy) -> None:
    folder = root / KEPT
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    file = root / _kept_path(copy.task, copy.annotator, copy.stage)
    write_whole(file, as_json(copy))
    file.chmod(0o600)


def _kept_path(task: str, annotator: str, stage: int | None) -> str:
    return f"{KEPT}/{task}/{annotator}{f'.stage-{stage}' if stage else ''}.json"


def _copy(document: Document | None, path: str) -> SealedCopy:
    copy = validate(document, SealedCopy)[0] if document else None
    try:
        _evidence(copy) if copy else None
    except ValueError:  # no base64
        copy = None
    if copy is None:
        raise UsageError("seal-foreign", f"{path} was opened, but its content is no annotation", "restore it")
    return copy


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _evidence(copy: SealedCopy) -> dict[str, str]:
    return digests({name: _bytes(text) for name, text in copy.evidence.items()})
