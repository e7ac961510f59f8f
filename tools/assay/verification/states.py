"""States of an attempt's work tree that can be shown right: the image with one of the attempt's own patches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from assay.errors import UsageError
from assay.evidence import final_patch
from assay.model.run import RunState
from assay.workspace import Attempt

_HARMLESS = frozenset({"read", "search", "plan", "web", "finish"})
"""What importers and trials call tools that write no file."""


@dataclass(frozen=True)
class State:
    """A work tree, as the patch that makes it from the image's."""

    record: RunState
    patch: bytes

    @property
    def words(self) -> str:
        """For a person."""
        record = self.record
        if record.kind == "step":
            where = f"as `{record.milestone}` was handed in" if record.milestone else "the image as it is"
            return f"after step {record.step}, {where}"
        return f"at the end, `{record.milestone}`" if record.kind == "final" else f"as `{record.milestone}` left it"


def state_of(attempt: Attempt, milestone: str | None = None, step: int | None = None) -> State:
    """The state after a milestone or a step, else the last one.

    Raises UsageError for one that is not there or cannot be shown right.
    """
    if step is not None:
        return _state(attempt, "step", _patch_at(attempt, step), step)
    if milestone is not None:
        if milestone not in attempt.patches:
            names = ", ".join(f"`{name}`" for name in attempt.patches) or "none"
            message = f"`{attempt.alias}` has no patch of `{milestone}`"
            raise UsageError("no-such-state", message, f"milestones with a patch: {names}")
        return _state(attempt, "milestone", milestone)
    last = final_patch(attempt)
    if last is None:
        hint = "`--milestone NAME` takes one that is there; without any, nothing shows its work tree"
        raise UsageError("no-such-state", f"`{attempt.alias}` has no patch that is known to be its last", hint)
    return _state(attempt, "final", last[0])


def _state(attempt: Attempt, kind: str, milestone: str | None, step: int | None = None) -> State:
    # the text in `patches` has lost what is no UTF-8
    patch = (attempt.folder / "patches" / f"{milestone}.patch").read_bytes() if milestone else b""
    digest = hashlib.sha256(patch).hexdigest()
    found = {"kind": kind, "milestone": milestone, "step": step, "patch_sha256": digest}
    return State(RunState.model_validate(found), patch)


def _patch_at(attempt: Attempt, step: int) -> str | None:
    """The milestone whose patch is the state after `step`; None for the image's own tree."""
    count = len(attempt.trajectory.record.steps) if attempt.trajectory else 0
    if step > count:
        message = f"there is no step {step}; `{attempt.alias}` has {count or 'no'} steps"
        raise UsageError("no-such-state", message, f"`--step {count}` is the last" if count else "leave out `--step`")
    known = known_steps(attempt)
    if step in known:
        return known[step]
    earlier = max((number for number in known if number < step), default=None)
    later = min((number for number in known if number > step), default=None)
    near = [f"`--step {number}`" for number in (earlier, later) if number is not None]
    near += [f"`--milestone {name}`" for name in attempt.patches]
    message = f"the files after step {step} cannot be rebuilt: commands before and after it may have changed them"
    raise UsageError("no-such-state", message, f"states that are recorded: {', '.join(near) or 'none'}")


def known_steps(attempt: Attempt) -> dict[int, str | None]:
    """Steps after which the work tree is one that is recorded, and the milestone whose patch it is.

    Those are the steps of a milestone until the first that may write, and from the last that may.
    """
    known: dict[int, str | None] = {}
    course = attempt.session.record.predicate.course if attempt.session else None
    before: str | None = None
    certain = attempt.session is not None and not (course and course.starts_at)
    for milestone, numbers, writing in _parts(attempt):
        first = writing[0] if writing else numbers[-1] + 1
        known |= dict.fromkeys((number for number in numbers if number < first and certain), before)
        certain = milestone in attempt.patches
        if certain and writing:
            known |= dict.fromkeys((number for number in numbers if number >= writing[-1]), milestone)
        before = milestone
    return known


def _parts(attempt: Attempt) -> list[tuple[str, list[int], list[int]]]:
    """Each milestone with the numbers of its steps, and of those that may write. None when steps do not tell."""
    parts: dict[str, tuple[list[int], list[int]]] = {}
    for step in attempt.trajectory.record.steps if attempt.trajectory else ():
        found = (step.extra or {}).get("assay")
        name = found.get("milestone") if isinstance(found, dict) else None
        if not isinstance(name, str):
            return []
        numbers, writing = parts.setdefault(name, ([], []))
        numbers.append(step.step_id)
        if any(call.function_name not in _HARMLESS for call in step.tool_calls or ()):
            writing.append(step.step_id)
    return [(name, numbers, writing) for name, (numbers, writing) in parts.items()]
