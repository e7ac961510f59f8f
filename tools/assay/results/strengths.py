"""Bradley-Terry likelihood: log strengths from weighted wins, one matrix or a batch, verified before they are returned.

Bradley and Terry 1952. Matrices hold in row i, column j the weight with which item i beat item j.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PSEUDO_WINS = 0.5
SWEEPS = 50
NEWTON_STEPS = 100
SETTLED_CHANGE = 1e-10
SETTLED_STEP = 1e-8
RESIDUAL = 1e-6


class FitError(ArithmeticError):
    """No finite, verified maximum of the likelihood was found."""


def fit(wins: Floats, pseudo: float = PSEUDO_WINS) -> Floats:
    """Log strengths, mean 0, of the n items of one component, from `wins` of shape (n, n).

    Every compared pair gets `pseudo` extra wins in both directions; pairs never compared get none.
    Raises FitError when no finite maximum exists or the one found does not solve the likelihood equations.
    """
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1]:
        raise ValueError(f"wins must be a square matrix, found the shape {wins.shape}")
    if not np.isfinite(wins).all() or (wins < 0).any() or wins.diagonal().any() or pseudo < 0:
        raise ValueError("wins and pseudo-wins must be finite and not negative, and no item can beat itself")
    weights = wins + pseudo * edges(wins)
    if not strongly_connected(weights > 0):
        raise FitError(
            "Bradley-Terry needs items linked by wins in both directions, found a group that never won or never lost "
            "against the rest: fit each component alone, with pseudo-wins"
        )
    strengths: Floats = maximise(weights[None])[0]
    return strengths


def edges(wins: Floats) -> NDArray[np.bool_]:
    """Pairs compared at least once, symmetric (n, n)."""
    compared: NDArray[np.bool_] = (wins + wins.T) > 0
    return compared


def reachable(links: NDArray[np.bool_], start: int) -> set[int]:
    """Nodes of the directed graph `links` (n, n) that a path from `start` leads to, `start` among them."""
    found, waiting = {start}, [start]
    while waiting:
        new = set(np.flatnonzero(links[waiting.pop()]).tolist()) - found
        found |= new
        waiting.extend(new)
    return found


def strongly_connected(links: NDArray[np.bool_]) -> bool:
    """Does a path lead from every node to every other? Then, and only then, a finite maximum exists (Ford 1957)."""
    size = len(links)
    return size > 0 and all(len(reachable(matrix, 0)) == size for matrix in (links, links.T))


def maximise(weights: Floats) -> Floats:
    """Log strengths (batch, n) for strongly connected `weights` (batch, n, n), checked."""
    strengths, change = _sweep(weights)
    rest = np.flatnonzero(~((change < SETTLED_CHANGE) & (_residual(weights, strengths) < RESIDUAL)))
    if rest.size:
        strengths[rest] = _newton(weights[rest], strengths[rest])
    worst = _residual(weights, strengths).max()
    if not worst < RESIDUAL:
        raise FitError(f"Bradley-Terry must solve its equations to {RESIDUAL}, found a residual of {worst:.3g}")
    return strengths


def _sweep(weights: Floats) -> tuple[Floats, Floats]:
    """Strengths and their last change after updating one item after the other (Newman 2023).

    All at once never converges when the compared pairs form a bipartite graph: two items, a chain, a star.
    """
    losses = np.ascontiguousarray(weights.swapaxes(1, 2))
    batch, size, _ = weights.shape
    p = np.ones((batch, size))
    change = np.full(batch, np.inf)
    for _ in range(SWEEPS):
        before = p.copy()
        for i in range(size if size > 1 else 0):
            share = 1 / (p[:, i, None] + p)
            gained = np.einsum("bj,bj,bj->b", weights[:, i], p, share)
            p[:, i] = gained / np.einsum("bj,bj->b", losses[:, i], share)
        p /= np.exp(np.log(p).mean(axis=1, keepdims=True))
        change = np.abs(np.log(p / before)).max(axis=1)
        if (change < SETTLED_CHANGE).all():
            break
    return np.log(p), change


def _newton(weights: Floats, strengths: Floats) -> Floats:
    """Finish what sweeps leave: groups joined by few comparisons would take them more than 10,000 rounds.

    The step is shortened to log(1 + d) / d of its length, d being its range: then every step raises the likelihood
    (damped Newton for generalised self-concordant functions, Sun and Tran-Dinh 2019).
    """
    games = weights + weights.swapaxes(1, 2)
    diagonal = np.arange(weights.shape[1])
    for _ in range(NEWTON_STEPS):
        chance = _chances(strengths)
        slope = weights.sum(axis=2) - (games * chance).sum(axis=2)
        curve = games * chance * (1 - chance)
        # The matrix is singular along "all strengths move together"; the added constant forbids just that.
        system = curve.mean(axis=(1, 2), keepdims=True) - curve
        system[:, diagonal, diagonal] += curve.sum(axis=2)
        try:
            step = np.linalg.solve(system, slope[..., None])[..., 0]
        except np.linalg.LinAlgError as error:
            raise FitError("Bradley-Terry found strengths too far apart to tell a maximum") from error
        span = np.maximum(np.ptp(step, axis=1, keepdims=True), 1e-300)
        strengths = strengths + step * np.log1p(span) / span
        if span.max() < SETTLED_STEP:
            centred: Floats = strengths - strengths.mean(axis=1, keepdims=True)
            return centred
    raise FitError(f"Bradley-Terry must settle within {NEWTON_STEPS} Newton steps, last step {span.max():.3g}")


def _chances(strengths: Floats) -> Floats:
    """Probability that i beats j, (batch, n, n), in the form that cannot overflow."""
    chances: Floats = 0.5 * (1 + np.tanh((strengths[:, :, None] - strengths[:, None, :]) / 2))
    return chances


def _residual(weights: Floats, strengths: Floats) -> Floats:
    """Largest difference between won and expected weight of any item, (batch,)."""
    games = weights + weights.swapaxes(1, 2)
    residual: Floats = np.abs(weights.sum(axis=2) - (games * _chances(strengths)).sum(axis=2)).max(axis=1)
    return residual
