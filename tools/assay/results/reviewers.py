"""How far reviewers agree in the scores that they give to annotations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np

from assay.model.review import Scores
from assay.results.agreement import Estimate, estimate, krippendorff
from assay.workspace import Workspace


def reviews_of(workspace: Workspace, tasks: Collection[str]) -> list[str]:
    """Paths of the reviews of these tasks."""
    return [entry.path for entry in workspace.reviews if entry.record.task in tasks]


def scored_alike(workspace: Workspace, tasks: Collection[str], seed: int) -> Iterator[tuple[str, Estimate]]:
    """Ordinal alpha of each score, by its name; nothing without reviews.

    A unit is an annotation as it was: who read it before it was changed and who read it after judged different ones.
    """
    given: dict[tuple[str, str, str], dict[str, Scores]] = defaultdict(dict)
    for entry in workspace.reviews:
        for item in entry.record.annotations if entry.record.task in tasks else ():
            given[entry.record.task, item.annotator, item.annotation][entry.record.reviewer] = item.scores
    reviewers = sorted({name for found in given.values() for name in found})
    for score in Scores.model_fields if given else ():
        units = [
            [getattr(found[name], score) if name in found else math.nan for name in reviewers]
            for _, found in sorted(given.items())
        ]
        yield score, estimate(np.array(units, dtype=np.float64), krippendorff("ordinal"), seed=seed)
