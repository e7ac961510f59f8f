"""The quality of the study itself: how far annotators agree, and how well identities were hidden from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assay.model.rubric import AXES
from assay.pages import agreement_section, markup, pace_section, plots
from assay.pages.inert import inline, worded
from assay.results.blinding import Bang, Blinding
from assay.results.scores import Score, Share
from assay.workspace import Workspace

HOW_TO_READ = """## How to read the indexes of blinding {#how}

- **James's index** is one number over all answers: 1 when nobody even guesses, 0.5 when guesses are random, 0 when all
  are right.
- **Bang's index** is the share of right guesses less that of wrong ones: 0 when guesses are random, 1 when all are
  right. Bars are 95 &#37; intervals; one that lies right of zero says that graders could tell. With more than two
  agents a wrong guess weighs 1/(agents - 1), our generalisation.
- **All grades, unrecognised**: shares of the rubric by weight, first from all grades, then without the grades of
  annotators who had guessed right. Where the two differ, knowing who it was may have changed the grade.
- Names can be hidden, habits cannot: the prose of an agent tells programs who it is in most cases. That is why this is
  measured.
"""


def page(workspace: Workspace, found: Blinding | None, withheld: str = "") -> str:
    """Markdown of the page; without findings it says why, in the plain words of `withheld`."""
    head = f"{markup.front_matter('Quality')}\n# Quality\n\n"
    if found is None:
        return head + markup.note(worded(withheld), "warning", "Not shown")
    lead = "What may weaken the numbers of this study, measured as far as it can be measured.\n{: .as-lead }\n\n"
    blinding = f"## Blinding {{#blinding}}\n\n{_blinding(workspace, found)}\n"
    sections = f"{agreement_section.section(workspace)}{blinding}{pace_section.section(workspace)}"
    return f"{head}{lead}{sections}{HOW_TO_READ}"


def _blinding(workspace: Workspace, found: Blinding) -> str:
    if not found.agents:
        guesses = _recorded(workspace)
        sealed = "Identities are not open yet, so nothing can be said about how well they were hidden."
        return f"{sealed} {markup.count(guesses, 'guess', 'guesses')} recorded.\n"
    if not found.by_agent:
        return "Nobody was asked to guess who made what, or there was only one agent to guess.\n"
    james = "" if found.james is None else f"James's index is **{found.james:.2f}**. "
    asked = f"{markup.count(found.unasked, 'graded attempt')} without a guess." if found.unasked else ""
    told = [inline(name) for name, index in found.by_agent.items() if index.is_unblinded]
    verdict = f"Graders recognised {', '.join(told)} more often than by chance. " if told else ""
    parts = [f"{james}{verdict}{asked}\n", "### By agent {#agents}\n", _table(found.by_agent, "agent", found.scores)]
    parts += ["### By annotator {#annotators}\n", _table(found.by_annotator, "annotator", {})]
    if found.cues:
        parts += [
            "### What right guesses went by {#cues}\n",
            "\n".join(f"- {worded(cue)}" for cue in found.cues) + "\n",
        ]
    return "\n".join(parts)


def _recorded(workspace: Workspace) -> int:
    sheets = [sheet.entry.record for sheet in workspace.sheets if sheet.entry]
    return sum(graded.identity_guess is not None for sheet in sheets for graded in sheet.grades.values())


def _table(indexes: Mapping[str, Bang], noun: str, scores: Mapping[str, tuple[Score, Score]]) -> str:
    head = [noun, "Bang's index", "right", "wrong", "do not know"]
    head += [f"{name}: all grades, unrecognised" for name in ("must pass", *AXES)] if scores else []
    rows = [(inline(name), *_index(index), *_scores(scores.get(name))) for name, index in indexes.items()]
    return markup.table(head, rows)


def _index(index: Bang) -> Iterator[str]:
    words = f"{index.value:+.2f}, {index.low:+.2f} to {index.high:+.2f}"
    yield f"{plots.interval(index.value, index.low, index.high, (-1, 1), words)} {words}"
    yield from map(str, (index.right, index.wrong, index.unknown))


def _scores(pair: tuple[Score, Score] | None) -> Iterator[str]:
    if pair:
        whole, rest = pair
        yield _both(whole.must_pass, rest.must_pass)
        yield from (_both(whole.axes[axis], rest.axes[axis]) for axis in AXES)


def _both(whole: Share, rest: Share) -> str:
    return f"{markup.percent(whole.value)}, {markup.percent(rest.value)}"
