"""A new annotation: every attempt in the annotator's own order, every criterion with what it asks.

The page for grading writes the same file; what stands between the verdicts is said here for both.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from assay.documents import Document, parse, to_yaml
from assay.errors import UsageError
from assay.model.annotation import OPEN
from assay.model.rubric import Criterion
from assay.workspace import Attempt

SCHEMA_LINE = "# yaml-language-server: $schema={up}schemas/annotation.schema.json\n"
_HEAD = """\
# Grade in the order below: it is yours alone. Read annotations/guidelines.md first, and nobody else's file before you
# are done. `assay check {path}` says what is still missing.
"""
RATIONALE = '# 25 to 90 words. What decided the grade, and where it stands: [step:17 "..."] [test:MILESTONE/TEST].'
GUESS = """\
# After grading: who do you think it was? `none` when you cannot tell.
# identity_guess: {agent: none, confidence: 0, cue: ""}"""
TIERS = "# Tiers, best first; two attempts stand in one tier when you would not bet on either."
COMPARISON = '# Why each tier beats the next, with citations from both sides: [ALIAS step:12 "..."].'


def annotation_text(
    task: str,
    annotator: str,
    guidelines: int,
    rubric_blob: str,
    criteria: Sequence[Criterion],
    order: Sequence[str],
    path: str,
) -> str:
    """The YAML of a file that is valid and says of every verdict on `criteria` that it is still open."""
    parts = [head(task, annotator, guidelines, rubric_blob, order, path)]
    parts += [part for alias in order for part in _graded(alias, criteria)]
    parts += [f"{TIERS}\n", to_yaml({"ranking": [list(order)]}), f"{COMPARISON}\n"]
    parts.append(to_yaml({"comparison": f"{OPEN}\n", "minutes": 1}))
    return "".join(parts)


def head(task: str, annotator: str, guidelines: int, rubric_blob: str, order: Sequence[str], path: str) -> str:
    """What stands above the first attempt, down to `grades:`."""
    facts = {"format": 1, "task": task, "annotator": annotator, "guidelines": guidelines, "rubric": rubric_blob}
    lines = SCHEMA_LINE.format(up="../" * path.count("/")) + _HEAD.format(path=path)
    return f"{lines}{to_yaml(facts)}{to_yaml({'order': list(order)})}grades:\n"


def gradable(attempts: Iterable[Attempt]) -> list[str]:
    """Aliases of those that are graded: of agents, or with scripts alone what one practises on."""
    found = [attempt for attempt in attempts if attempt.trajectory]
    agents = [attempt for attempt in found if not attempt.is_dry_run and not attempt.is_invalid]
    return [attempt.alias for attempt in agents or found]


def with_criteria(document: Document, missing: Mapping[str, Sequence[Criterion]]) -> str:
    """The text of an annotation with open verdicts on more criteria, by alias; nothing else in it changes.

    Raises UsageError where `criteria` is not written one to a line.
    """
    lines = document.text.split("\n")
    wanted = copy.deepcopy(document.data)
    places = {alias: document.key_position(("grades", alias, "criteria")).line for alias in missing}
    for alias, at in sorted(places.items(), key=lambda item: -item[1]):
        present = wanted["grades"][alias]["criteria"]
        first = next(iter(present), None)
        column = document.key_position(("grades", alias, "criteria", first)).column - 1 if first else 6
        added = [textwrap.indent(_asked(criterion), " " * column) for criterion in missing[alias]]
        lines[at:at] = "".join(added).splitlines()
        present.update({item.id: {"holds": "unclear", "cites": [], "note": OPEN} for item in missing[alias]})
    text = "\n".join(lines)
    made, _ = parse(text, document.path)
    if made is None or made.data != wanted:
        names = ", ".join(dict.fromkeys(item.id for items in missing.values() for item in items))
        hint = f"write `criteria` of each attempt one to a line, or add them by hand: {names}"
        raise UsageError("layout", f"{document.path}: the criteria cannot be added to this layout", hint)
    return text


def _graded(alias: str, criteria: Sequence[Criterion]) -> Iterator[str]:
    yield f"  {alias}:\n"
    yield f"    {RATIONALE}\n"
    yield f"    rationale: |\n      {OPEN}\n    criteria:\n"
    for criterion in criteria:
        yield textwrap.indent(_asked(criterion), "      ")
    yield f"{textwrap.indent(GUESS, '    ')}\n"


def _asked(criterion: Criterion) -> str:
    return f"{asked(criterion)}\n{criterion.id}: {{holds: unclear, cites: [], note: {OPEN}}}\n"


def asked(criterion: Criterion) -> str:
    """What a criterion asks, as the comment that stands above its verdict."""
    marks = [criterion.axis, "must pass" if criterion.must_pass else f"weight {criterion.weight}"]
    marks += ["good when true" if criterion.good else "a fault when true", f"evidence: {criterion.evidence}"]
    marks += [f"decided by {criterion.test}"] if criterion.test else []
    marks += [f"only if {', '.join(criterion.requires)} passed"] if criterion.requires else []
    statement = textwrap.fill(" ".join(criterion.statement.split()), 100)
    return textwrap.indent(f"{statement}\n({'; '.join(marks)})", "# ")
