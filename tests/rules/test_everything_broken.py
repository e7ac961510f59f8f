"""Every rule's bad example at once, a task for each, and the whole output of all of them.

What is found in a big broken workspace must not depend on what else is broken in it: `everything/*.txt` hold what
`assay check` prints, line by line. A few workspaces are needed, because policies and histories exclude each other.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from assay.rules import all_rules
from tests.rules.overlay import BASE, HERE, finish, lay
from tests.rules.test_rules import found_in, rendered

GOLDEN = HERE / "everything"
TASK = "row-merge"
APART = {
    "policy": ("mask-allow-unused", "metadata-schema", "settings-start", "settings-unknown-rule"),
    "outdated": ("annotation-stale",),
    "sealed": (
        "seal-changed",
        "seal-early-reveal",
        "seal-incomplete",
        "seal-late",
        "seal-rewritten",
    ),
    "signed": ("seal-signature",),
    "staged": ("stage-evidence", "stage-order"),
    "no-history": ("seal-unchecked",),
    "branches": ("annotation-exposed",),
    "recipients": ("seal-recipients",),
    "coordinator": ("seal-coordinator-annotates",),
    "people": ("unknown-annotator",),
}
"""Examples that need a policy of their own; all others stand in one workspace, `files`."""
SAID = re.compile(r"afterwards|so the order|names no file|the other claims it")
"""Words of each text of the base annotation: graders of other tasks say something else."""
_SESSION_ID = re.compile(r'"([0-9a-f])\1{31,63}"')


def members(group: str) -> list[str]:
    if group in APART:
        return sorted(APART[group])
    return sorted(set(all_rules()) - {name for names in APART.values() for name in names})


def test_no_rule_is_left_out() -> None:
    assert sorted(name for group in ("files", *APART) for name in members(group)) == sorted(all_rules())


@pytest.mark.parametrize("group", ["files", *APART])
def test_everything_broken(group: str, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    for name in members(group):
        add(root, name, tmp_path / name)
    if (GOLDEN / group).is_dir():
        shutil.copytree(GOLDEN / group, root, dirs_exist_ok=True)
    finish(root)
    found = found_in(root)
    assert {item.rule for item in found} >= set(members(group))
    text = re.sub(r"(?<=commit )[0-9a-f]{12}", "@commit@", rendered(found))
    assert text == (GOLDEN / f"{group}.txt").read_text(encoding="utf-8")


def add(root: Path, name: str, scratch: Path) -> None:
    """Lay one bad example over the base, under a task that bears the rule's name, and put it into `root`."""
    shutil.copytree(BASE, scratch)
    lay(scratch, HERE / name / "bad")
    for file in [path for path in scratch.rglob("*") if path.is_file()]:
        place = root / file.relative_to(scratch).as_posix().replace(TASK, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.name == "commits.txt" and place.exists():
            place.write_text(f"{place.read_text()}\n{file.read_text()}")
        else:
            place.write_bytes(renamed(file, name).encode())


def renamed(file: Path, name: str) -> str:
    """The text of a file under the other task; its sessions and its grades are its own."""

    def own(found: re.Match[str]) -> str:
        return f'"{hashlib.sha256((name + found[0]).encode()).hexdigest()[: len(found[0]) - 2]}"'

    text = file.read_text(encoding="utf-8").replace(TASK, name)
    if file.parent.parent.name == "annotations":
        text = SAID.sub(rf"\g<0> of {name}", text)
    return _SESSION_ID.sub(own, text) if file.name == "session.json" else text
