"""Annotations that are sealed, and annotations that are revealed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.model.base import Id, Record, Text, VersionedRecord
from assay.model.outcome import Sha256
from assay.model.sealed import Key

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")]

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]


class AnnotationSeal(VersionedRecord):
    """`annotations/<task>/<annotator>.seal.json`: what somebody decided is fixed here, before anybody can read it.

    `<annotator>.stage-1.seal.json` fixes the first stage alone. Neither file is ever changed.
    """

    task: Id
    annotator: Id
    stage: Literal[1] | None = Field(description="1: the verdicts of the first stage; null: everything.")
    guidelines: Annotated[int, Field(ge=1)] = Field(description="Version of annotations/guidelines.md.")
    rubric: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] = Field(
        description="Git blob id of the rubric graded against."
    )
    criteria: list[Id] = Field(default=[], description="That the first stage grades; empty in a seal of everything.")
    commitment: Sha256 = Field(description="Binds the annotation and its evidence to task, annotator and stage.")
    recipients: list[Text] = Field(description="Public keys of the coordinators who can open `sealed`.")
    sealed: Text = Field(description="Salt, annotation and evidence: an armoured age file, padded.")


class SealedCopy(VersionedRecord):
    """What a seal encloses: in `sealed` for the coordinators, and on the annotator's machine until the reveal."""

    task: Id
    annotator: Id
    stage: Literal[1] | None
    salt: Key
    annotation: Text = Field(description="The file as its annotator wrote it, comments and all.")
    evidence: dict[FileName, str] = Field(default={}, description="Files of recorded runs by name, in base64.")


class Opened(Record):
    """What is needed to compute a commitment again, besides the annotation."""

    salt: Key
    evidence: dict[FileName, Sha256] = Field(default={}, description="Files of recorded runs that were sealed with it.")


class AnnotationReveal(VersionedRecord):
    """`annotations/<task>/<annotator>.reveal.json`: with it anybody can check `<annotator>.yaml` against its seals."""

    task: Id
    annotator: Id
    main: Commit | None = Field(description="Head of the main branch when this was revealed: all seals were in it.")
    whole: Opened
    first: Opened | None = Field(default=None, description="Of the first stage, where there was one.")
