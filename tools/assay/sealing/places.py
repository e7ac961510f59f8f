"""Where an annotation's files are, before and after it is revealed."""

from __future__ import annotations

DRAFTS = "drafts"
_FIRST = "stage-1"
_SEAL, _REVEAL = ".seal.json", ".reveal.json"


def draft_path(task: str, annotator: str) -> str:
    """Where an annotation is written until it is revealed; git ignores it."""
    return f"annotations/{task}/{DRAFTS}/{annotator}.yaml"


def is_draft(path: str) -> bool:
    """Whether a path of the workspace is that of a draft."""
    return path.startswith("annotations/") and path.split("/")[2:3] == [DRAFTS]


def sheet_path(task: str, annotator: str) -> str:
    """Where all can read an annotation."""
    return f"annotations/{task}/{annotator}.yaml"


def seal_path(task: str, annotator: str, stage: int | None = None) -> str:
    """Where the seal of a stage is, or of everything."""
    return f"annotations/{task}/{annotator}{f'.stage-{stage}' if stage else ''}{_SEAL}"


def reveal_path(task: str, annotator: str) -> str:
    """Where the salts of a revealed annotation are."""
    return f"annotations/{task}/{annotator}{_REVEAL}"


def evidence_path(task: str, annotator: str) -> str:
    """The folder of an annotator's recorded runs."""
    return f"annotations/{task}/evidence/{annotator}"


def graded_by(path: str) -> tuple[str, str] | None:
    """Task and annotator of an annotation that all can read, or of evidence for it; None for every other path."""
    top, *rest = path.split("/")
    if top == "annotations" and len(rest) == 2 and rest[1].endswith(".yaml") and rest[1] != "adjudication.yaml":
        return rest[0], rest[1].removesuffix(".yaml")
    if top == "annotations" and len(rest) == 4 and rest[1] == "evidence":
        return rest[0], rest[2]
    return None


def is_seal(path: str) -> bool:
    """Whether a path is that of a seal."""
    return path.endswith(_SEAL)


def owner(path: str) -> tuple[str, str, int | None]:
    """Task, annotator and stage of a seal or a reveal, from its path; no stage for everything."""
    _, task, name = path.split("/")
    annotator, _, stage = name.removesuffix(_SEAL).removesuffix(_REVEAL).partition(".")
    return task, annotator, 1 if stage == _FIRST else None
