"""Aliases: fresh, valid, and never a name that means something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.aliases import choose
from assay.errors import UsageError
from assay.model.base import ID_PATTERN


def test_fresh_aliases_are_ids_and_differ(tmp_path: Path) -> None:
    names = choose(tmp_path, "merge", number=200, used=["calm-heron"])
    assert len(set(names)) == 200
    assert "calm-heron" not in names
    assert all(re.fullmatch(ID_PATTERN, name) for name in names)


@pytest.mark.parametrize("wanted", ["Upper", "two words", "x\n", "", "-x", "oracle", "no-op", "ladder-12"])
def test_what_is_no_alias_is_refused(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(UsageError) as error:
        choose(tmp_path, "merge", wanted)
    assert error.value.reference == "bad-alias"


def test_a_taken_alias_is_refused_and_a_free_one_kept(tmp_path: Path) -> None:
    (tmp_path / "trajectories/merge/calm-heron").mkdir(parents=True)
    with pytest.raises(UsageError) as error:
        choose(tmp_path, "merge", "calm-heron")
    assert error.value.reference == "alias-taken"
    assert choose(tmp_path, "other", "calm-heron") == ["calm-heron"]
