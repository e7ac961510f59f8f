"""Texts that say nearly the same: tasks of one set, and tasks that a corpus already holds.

Cosine of TF-IDF vectors over runs of four characters within words. Words and pairs of words were tried and do worse:
a rewritten instruction keeps stems and file names (0.63 and more here) but few pairs of words (0.4), fewer than two
different tasks of one family share (0.5 either way).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from assay.errors import EnvironmentMissingError, UsageError

LISTED = 0.6
"""Cosine from which two texts are worth naming together."""
REVIEWED = 0.8
"""Cosine from which somebody should look at both."""
FIELDS = ("instruction", "text", "prompt", "problem_statement")
TOP = 10
"""The most pairs that one text is named in first."""
_CELLS = 2_000_000


class Pair(NamedTuple):
    """Two similar texts by id, and their cosine, 0 to 1."""

    a: str
    b: str
    score: float


def require() -> None:
    """Raise EnvironmentMissingError unless the library for comparisons is installed."""
    if find_spec("sklearn") is None:
        raise EnvironmentMissingError(
            "similarity-missing",
            "comparing texts needs scikit-learn; it is not installed",
            "pip install 'assay[similarity]'",
        )


def near_duplicates(texts: Mapping[str, str], threshold: float = LISTED) -> list[Pair]:
    """Pairs within `texts` whose cosine reaches `threshold`, the most similar first.

    For each text at most its ten closest among those after it. Raises EnvironmentMissingError.
    """
    names = list(texts)
    vectors = _vectors(list(texts.values()))
    return [] if vectors is None else _close(names, names, vectors, vectors, threshold, within=True)


def contamination(texts: Mapping[str, str], corpus: Mapping[str, str], threshold: float = LISTED) -> list[Pair]:
    """Pairs of a text (`a`) and a text of the corpus (`b`) whose cosine reaches `threshold`, the most similar first.

    For each text at most its ten closest. Raises EnvironmentMissingError.
    """
    vectors = _vectors([*texts.values(), *corpus.values()])
    if vectors is None or not texts or not corpus:
        return []
    count = len(texts)
    return _close(list(texts), list(corpus), vectors[:count], vectors[count:], threshold, within=False)


def _vectors(texts: Sequence[str]) -> Any:
    """A row of length 1 for each text, sparse; None when no text holds anything."""
    require()
    if not any(text.strip() for text in texts):
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4)).fit_transform(texts)


def _close(a: Sequence[str], b: Sequence[str], left: Any, right: Any, threshold: float, *, within: bool) -> list[Pair]:
    found: list[Pair] = []
    size = max(1, _CELLS // len(b))  # rows at a time: a product is almost dense, all of it would not fit
    for first in range(0, len(a), size):
        skipped = first if within else 0
        product = (left[first : first + size] @ right[skipped:].T).tocoo()
        high = (product.data >= threshold).nonzero()
        rows: dict[int, list[tuple[float, int]]] = {}
        for row, column, score in zip(product.row[high], product.col[high], product.data[high], strict=True):
            if not within or column > row:
                rows.setdefault(int(row), []).append((round(min(1.0, float(score)), 4), -int(column) - skipped))
        for row, scores in rows.items():
            found += (Pair(a[first + row], b[-column], score) for score, column in nlargest(TOP, scores))
    return sorted(found, key=lambda pair: (-pair.score, pair.a, pair.b))


def read_corpus(path: Path) -> dict[str, str]:
    """Texts by id from a JSON Lines file: objects with `instruction` (or another of FIELDS) and optionally `id`.

    An object without an id is called `line-N`. Raises UsageError, with file and line, for whatever cannot be read: a
    comparison with half a corpus would look like a clean one.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError("corpus-missing", f"{path}: the corpus cannot be read: {error.strerror}") from error
    found: dict[str, str] = {}
    for id, text in _entries(path, lines):
        if id in found:
            raise UsageError("corpus-invalid", f"{path}: ids must be unique; `{id}` is there twice")
        found[id] = text
    if not found:
        raise UsageError("corpus-empty", f"{path}: the corpus must hold at least one text; it is empty")
    return found


def _entries(path: Path, lines: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError("corpus-invalid", f"{path}:{number}: each line must be a JSON object: {error}") from error
        values = [entry.get(field) for field in FIELDS] if isinstance(entry, dict) else []
        text = next((value for value in values if isinstance(value, str) and value.strip()), None)
        if text is None:
            wanted = ", ".join(f"`{field}`" for field in FIELDS)
            raise UsageError("corpus-invalid", f"{path}:{number}: one of {wanted} must be a text; none is")
        yield str(entry.get("id", f"line-{number}")), text
