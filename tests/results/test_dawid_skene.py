"""Dawid and Skene's patients and anaesthetists, as published, and what smoothing does."""

from __future__ import annotations

import numpy as np
import pytest

from assay.results.dawid_skene import dawid_skene

# Dawid and Skene (1979), table 1: of each of 45 patients what observer 1 said three times, then observers 2 to 5
PATIENTS = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212 1211111
1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111 1111111 1121121
1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""


def counts() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    found = np.zeros((45, 5, 4))
    for unit, said in enumerate(PATIENTS.split()):
        for place, digit in enumerate(said):
            found[unit, max(0, place - 2), int(digit) - 1] += 1
    return found


def test_the_published_estimates() -> None:
    fit = dawid_skene(counts(), smoothing=0)
    assert [round(float(share), 2) for share in fit.prior] == [0.40, 0.42, 0.11, 0.07]
    assert [round(float(share), 2) for share in np.diagonal(fit.errors[0])] == [0.89, 0.88, 0.66, 0.44]
    assert round(fit.log_likelihood, 3) == -192.891
    majority = counts().sum(axis=1)
    differs = [
        unit + 1
        for unit in range(45)
        if majority[unit].argmax() != fit.truth[unit].argmax() and (majority[unit] == majority[unit].max()).sum() == 1
    ]
    assert differs == [2, 36]


def test_an_annotator_who_answers_at_random_is_seen() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 200)
    said = [truth, truth, np.where(random.random(200) < 0.9, truth, 1 - truth), random.integers(0, 2, 200)]
    given = np.stack([np.eye(2)[values] for values in said], axis=1)
    right = [float(np.diagonal(errors).mean()) for errors in dawid_skene(given).errors]
    assert right[0] > 0.95
    assert right[2] == pytest.approx(0.9, abs=0.06)
    assert right[3] == pytest.approx(0.5, abs=0.1)


def test_nothing_was_judged() -> None:
    with pytest.raises(ValueError, match="at least one judgement"):
        dawid_skene(np.zeros((3, 2, 2)))
