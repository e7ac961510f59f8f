"""How each annotator answers, if there were a truth behind it (Dawid and Skene 1979, Applied Statistics 28:20).

A diagnostic of annotators. Verdicts stay those of the majority or of the adjudicator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
FEWEST = 40
"""Units below which the confusions of annotators are noise."""
_STEPS = 1000
_CLOSE = 1e-9


@dataclass(frozen=True)
class Confusion:
    """`prior` by value; `errors[annotator, true value, given value]`; `truth[unit, value]` as probabilities."""

    prior: Floats
    errors: Floats
    truth: Floats
    log_likelihood: float


def dawid_skene(counts: ArrayLike, smoothing: float = 1) -> Confusion:
    """Fit by expectation and maximisation, from `counts[unit, annotator, value]`.

    `smoothing` is added to every count of errors; 0 is the published estimate. Raises ValueError without any count.
    """
    given = np.asarray(counts, dtype=np.float64)
    if given.ndim != 3 or not given.sum():
        raise ValueError("counts must be units by annotators by values, with at least one judgement")
    truth = given.sum(axis=1) / given.sum(axis=(1, 2))[:, None]
    last = -np.inf
    for _ in range(_STEPS):
        prior = truth.mean(axis=0)
        errors = np.einsum("tk,twl->wkl", truth, given) + smoothing
        totals = errors.sum(axis=2, keepdims=True)
        errors = np.divide(errors, totals, out=np.full_like(errors, 1 / given.shape[2]), where=totals > 0)
        with np.errstate(divide="ignore"):
            chances = np.log(prior) + np.einsum("twl,wkl->tk", given, np.maximum(np.log(errors), -1e6))
        most = chances.max(axis=1, keepdims=True)
        odds = np.exp(chances - most)
        likelihood = float((most[:, 0] + np.log(odds.sum(axis=1))).sum())
        truth = odds / odds.sum(axis=1, keepdims=True)
        if likelihood - last < _CLOSE:
            break
        last = likelihood
    return Confusion(prior, errors, truth, likelihood)
