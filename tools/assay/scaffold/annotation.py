"""A new annotation: every attempt in the annotator's own order, every criterion with what it asks."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from assay.documents import Document, parse, to_yaml
from assay.errors import UsageError
from assay.model.annotation import OPEN
from assay.model.rubric import Criterion

SCHEMA_LINE = "# yaml-language-server: $schema={up}schemas/annotation.schema.json\n"
_HEAD = """\
# Grade in the order below: it is yours alone. Read annotations/guidelines.md first, and nobody else's file before you
# are done. `assay check {path}` says what is still missing.
"""


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
    head = {"format": 1, "task": task, "annotator": annotator, "guidelines": guidelines, "rubric": rubric_blob}
    up = "../" * path.count("/")
    parts = [
        SCHEMA_LINE.format(up=up),
        _HEAD.format(path=path),
        to_yaml(head),
        to_yaml({"order": list(order)}),
        "grades:\n",
    ]
    parts += [part for alias in order for part in _graded(alias, criteria)]
    parts.append("# Tiers, best first; two attempts stand in one tier when you would not bet on either.\n")
    parts.append(to_yaml({"ranking": [list(order)]}))
    parts.append('# Why each tier beats the next, with citations from both sides: [ALIAS step:12 "..."].\n')
    parts.append(to_yaml({"comparison": f"{OPEN}\n", "minutes": 1}))
    return "".join(parts)


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
    yield '    # 25 to 90 words. What decided the grade, and where it stands: [step:17 "..."] [test:MILESTONE/TEST].\n'
    yield f"    rationale: |\n      {OPEN}\n    criteria:\n"
    for criterion in criteria:
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
