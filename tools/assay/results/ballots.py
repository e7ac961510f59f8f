"""Which annotations a ranking counts, and what it leaves out with the reason: versions, and what was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from assay.errors import UsageError
from assay.model.annotation import Annotation
from assay.results.blinding import right_guesses
from assay.results.versions import one_version
from assay.workspace import Sheet, Workspace

Agents = Mapping[str, Mapping[str, str]]
"""Agent name by task and alias; there only after un-blinding."""
By = Literal["task", "axis", "milestone", "category"]
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Options:
    """What was asked for; it stands in every output, because each of these changes the table."""

    by: By | None = None
    """`task` keeps aliases apart although their agents are known; the others are views with tables of their own."""
    bootstraps: int = BOOTSTRAPS
    seed: int | None = None
    """None takes it from the data."""
    pool_versions: bool = False
    """Whether annotations under different guidelines or rubrics are put together."""
    guidelines: int | None = None
    """Only annotations made under this version."""
    without: tuple[str, ...] = ()
    """Annotators left out, by handle."""
    without_guessed: bool = False
    """Whether grades are dropped whose annotator named the right agent."""
    must_pass_only: bool = False
    """Whether attempts are ordered by the must-pass criteria alone instead of the annotators' tiers."""
    agents: str | None = None
    """Where agents are known from, `openings` or `file` with a hash; the ranking says so, nobody asks for it."""

    def __str__(self) -> str:
        """The options that change the table, as they are typed."""
        words = [f"--without {handle}" for handle in self.without]
        words += [f"--by {self.by}"] if self.by else []
        words += [f"--guidelines {self.guidelines}"] if self.guidelines is not None else []
        for name in ("without_guessed", "must_pass_only", "pool_versions"):
            words += [f"--{name.replace('_', '-')}"] if getattr(self, name) else []
        words += [f"--bootstraps {self.bootstraps}"] if self.bootstraps != BOOTSTRAPS else []
        words += [f"--agents ({self.agents})"] if self.agents and self.agents != "openings" else []
        return " ".join(words)


@dataclass(frozen=True)
class LeftOut:
    """A task, or one attempt, that is in no table although it is in the workspace."""

    task: str
    item: str
    """The alias; empty for a whole task or a whole annotation."""
    reason: str
    """`quarantined`, `other version`, what was asked for, or the outcome."""
    path: str
    """The escalation or the session that says so, or the annotation."""
    title: str = ""


@dataclass(frozen=True)
class Ballot:
    """What one annotator said of the attempts at one task, as far as it counts."""

    sheet: Sheet
    record: Annotation
    """Without what was left out of it."""

    @property
    def task(self) -> str:
        """Where the annotation lies."""
        return self.sheet.task


@dataclass(frozen=True)
class Ballots:
    """What counts, and what does not."""

    used: tuple[Ballot, ...]
    """In the order of their paths."""
    left_out: tuple[LeftOut, ...]
    pooled: Mapping[str, str] = field(default_factory=dict)
    """Why annotations in `used` would otherwise have been left out, by their paths."""


def ballots(workspace: Workspace, options: Options, *, over_all: bool) -> Ballots:
    """Those of `workspace`; `over_all` compares guidelines across tasks. Raises UsageError for what is not there.

    Annotations that could not be read are left out; `assay check` names them.
    """
    _demand_known(workspace, options)
    asked = dict(_asked_for(workspace.sheets, options))
    kept = replace(workspace, sheets=tuple(sheet for sheet in workspace.sheets if sheet.path not in asked))
    single, others = one_version(kept, over_all=over_all)
    sheets = (kept if options.pool_versions else single).sheets
    guessed = right_guesses(workspace) if options.without_guessed else set()
    used, dropped = [], []
    for sheet in sorted(sheets, key=lambda sheet: sheet.path):
        if sheet.entry is None or workspace.quarantined(sheet.task):
            continue
        known = {alias for task, who, alias in guessed if (task, who) == (sheet.task, sheet.annotator)}
        used.append(Ballot(sheet, _without(sheet.entry.record, known)))
        dropped += [
            LeftOut(sheet.task, alias, "its agent was guessed", sheet.path, sheet.annotator) for alias in sorted(known)
        ]
    words = {path: ("left out as asked", why) for path, why in asked.items()}
    words |= {} if options.pool_versions else {path: ("other version", why) for path, why in others.items()}
    whole = (LeftOut(path.split("/")[1], "", reason, path, why) for path, (reason, why) in sorted(words.items()))
    return Ballots(tuple(used), (*whole, *dropped), others if options.pool_versions else {})


def demand_annotators(workspace: Workspace, handles: Iterable[str]) -> None:
    """Raises UsageError for a handle that has annotated nothing: nobody is left out by a misspelt name."""
    known = sorted({sheet.annotator for sheet in workspace.sheets})
    if unknown := sorted(set(handles) - set(known)):
        listed = ", ".join(f"`{handle}`" for handle in known) or "none"
        raise UsageError("unknown-annotator", f"nobody called `{unknown[0]}` has annotated", f"annotators: {listed}")


def _demand_known(workspace: Workspace, options: Options) -> None:
    demand_annotators(workspace, options.without)
    found = sorted({sheet.entry.record.guidelines for sheet in workspace.sheets if sheet.entry})
    if options.guidelines is not None and options.guidelines not in found:
        message = f"no annotation was made under guidelines {options.guidelines}"
        raise UsageError("unknown-guidelines", message, f"versions in use: {', '.join(map(str, found)) or 'none'}")
    if options.without_guessed and not workspace.openings:
        hint = "open them first (`assay unseal TASK`), or leave --without-guessed out"
        raise UsageError("identities-sealed", "no identity is open, so no guess is known to be right", hint)


def _asked_for(sheets: Iterable[Sheet], options: Options) -> Iterator[tuple[str, str]]:
    for sheet in sheets:
        if sheet.annotator in options.without:
            yield sheet.path, f"by {sheet.annotator}"
        elif sheet.entry and options.guidelines not in (None, sheet.entry.record.guidelines):
            yield sheet.path, f"made under guidelines {sheet.entry.record.guidelines}"


def _without(record: Annotation, aliases: set[str]) -> Annotation:
    if not aliases:
        return record
    tiers = [[alias for alias in tier if alias not in aliases] for tier in record.ranking]
    grades = {alias: graded for alias, graded in record.grades.items() if alias not in aliases}
    return record.model_copy(update={"ranking": [tier for tier in tiers if tier], "grades": grades})
