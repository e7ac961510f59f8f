"""Drawings in HTML and inline SVG: themed by CSS classes, titled, the same bytes for the same data."""

from __future__ import annotations

import math
from collections.abc import Sequence

from assay.model.trajectory import Step
from assay.pages import markup
from assay.pages.steps import duration, failed, kind_of, tokens

MOST_BARS = 400


def strip(steps: Sequence[Step]) -> str:
    """Bars for each step, which the viewer draws and links to its row: up for its seconds, down for its tokens.

    Longer trajectories show every n-th step, failed ones always. It is a picture of the rows below, which say the same
    in words: so it is one element with the bars as `12ru40p900c70f`, which is step, kind, height in percent
    (logarithmic), tokens that the model was given and those it gave, where the log has them, and failed.
    """
    every = max(1, math.ceil(len(steps) / MOST_BARS))
    shown = [step for place, step in enumerate(steps) if place % every == 0 or failed(step)][: 2 * MOST_BARS]
    longest = max((duration(step) or 0 for step in steps), default=0)
    bars = " ".join(_bar(step, longest) for step in shown)
    return f'<div class="as-strip" aria-hidden="true" data-bars="{bars}"></div>\n{_totals(steps)}'


def _bar(step: Step, longest: float) -> str:
    share = math.log1p(10 * (duration(step) or 0.0)) / math.log1p(10 * longest) if longest else 0
    spent = tokens(step)
    used = f"p{spent[0]}c{spent[1]}" if spent else ""
    return f"{step.step_id}{kind_of(step)[:2]}{12 + 88 * share:.0f}{used}{'f' if failed(step) else ''}"


def _totals(steps: Sequence[Step]) -> str:
    """What the bars add up to; empty when no step has tokens."""
    spent = [found for step in steps if (found := tokens(step))]
    if not spent:
        return ""
    given, made = map(sum, zip(*spent, strict=True))
    of = "" if len(spent) == len(steps) else f", of {markup.count(len(spent), 'step')}"
    return f'<p class="as-quiet">Bars: seconds up, tokens down. In all {given:,} tokens in, {made:,} out{of}.</p>\n'


def interval(
    strength: float,
    low: float | None,
    high: float | None,
    span: tuple[float, float],
    words: str,
    marks: Sequence[float] = (0,),
) -> str:
    """A point with its interval on a scale shared by a table, `marks` across it; inline HTML. `words` must be inert."""
    start, end = span

    def x(value: float) -> float:
        return 4 + 132 * (value - start) / (end - start) if end > start else 70

    line = f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="9" y2="9"/>' if low is not None and high is not None else ""
    inside = [x(mark) for mark in marks if start <= mark <= end]
    scale = "".join(f'<line class="as-zero" x1="{at:.1f}" x2="{at:.1f}" y1="1" y2="17"/>' for at in inside)
    return (
        f'<svg class="as-interval" viewBox="0 0 140 18" role="img" aria-label="{words}">{scale}{line}'
        f'<circle cx="{x(strength):.1f}" cy="9" r="3.5"/></svg>'
    )
