"""A new annotation: every attempt in the annotator's own order, every criterion with what it asks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from assay.documents import to_yaml
from assay.model.annotation import OPEN
from assay.model.rubric import Criterion, Rubric

SCHEMA_LINE = "# yaml-language-server: $schema=../../schemas/annotation.schema.json\n"
_HEAD = """\
# Grade in the order below: it is yours alone. Read annotations/guidelines.md first, and nobody else's file before you
# are done. `assay check {path}` says what is still missing.
"""


def annotation_text(
    task: str, annotator: str, guidelines: int, rubric_blob: str, rubric: Rubric, order: Sequence[str], path: str
) -> str:
    """The YAML of a file that is valid and says of every verdict that it is still open."""
    head = {"format": 1, "task": task, "annotator": annotator, "guidelines": guidelines, "rubric": rubric_blob}
    parts = [SCHEMA_LINE, _HEAD.format(path=path), to_yaml(head), to_yaml({"order": list(order)}), "grades:\n"]
    parts += [part for alias in order for part in _graded(alias, rubric)]
    parts.append("# Tiers, best first; two attempts stand in one tier when you would not bet on either.\n")
    parts.append(to_yaml({"ranking": [list(order)]}))
    parts.append('# Why each tier beats the next, with citations from both sides: [ALIAS step:12 "..."].\n')
    parts.append(to_yaml({"comparison": f"{OPEN}\n", "minutes": 1}))
    return "".join(parts)


def _graded(alias: str, rubric: Rubric) -> Iterator[str]:
    yield f"  {alias}:\n"
    yield '    # 25 to 90 words. What decided the grade, and where it stands: [step:17 "..."] [test:MILESTONE/TEST].\n'
    yield f"    rationale: |\n      {OPEN}\n    criteria:\n"
    for criterion in rubric.criteria:
        yield textwrap.indent(_asked(criterion), "      ")
    yield "    # After grading: who do you think it was? `none` when you cannot tell.\n"
    yield '    # identity_guess: {agent: none, confidence: 0, cue: ""}\n'


def _asked(criterion: Criterion) -> str:
    marks = [criterion.axis, "must pass" if criterion.must_pass else f"weight {criterion.weight}"]
    marks += ["good when true" if criterion.good else "a fault when true", f"evidence: {criterion.evidence}"]
    marks += [f"decided by {criterion.test}"] if criterion.test else []
    marks += [f"only if {', '.join(criterion.requires)} passed"] if criterion.requires else []
    asked = textwrap.fill(" ".join(criterion.statement.split()), 100)
    comment = textwrap.indent(f"{asked}\n({'; '.join(marks)})", "# ")
    return f"{comment}\n{criterion.id}: {{holds: unclear, cites: [], note: {OPEN}}}\n"
