"""Puts the few pages that have changed into a site that is there, so that it becomes what a whole build would give."""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from assay.pages import policy
from assay.pages.staging import Stage, StandIn, ids, is_hidden, links, nothing, output

INDEX = "search/search_index.json"
INDEX_SCRIPT = "search/search_index.js"
_HEAD = re.compile(r"---\n(.*?\n)---\n", re.S)


def mend(site: Path, docs: Path, staged: Stage, changed: Collection[str]) -> bool:
    """Write the pages of `staged` and the other `changed` files into `site`.

    False, and nothing is written, where only a whole build can tell what comes of it: a page has a script that no page
    had, the search knows a page that it did not, or an anchor is gone that a page leads to which is not among these.
    """
    written = _pages(site, docs, staged) if staged.pages else {}
    if written is None:
        return False
    for path, text in written.items():
        (site / path).write_text(text, encoding="utf-8")
    copy_files(docs, site, [path for path in changed if not path.endswith(".md")])
    return True


def stand_ins(docs: Path, site: Path) -> StandIn:
    """Of pages that are in the site and are not rendered: their title, and the anchors that they have there."""

    def stand_in(path: str, anchors: frozenset[str]) -> str | None:
        file = docs / path
        if not file.is_file() or file.suffix != ".md":
            return "" if file.is_file() else None
        text = file.read_text(encoding="utf-8")
        there = ids((site / output(path)).read_text(encoding="utf-8")) if anchors else frozenset()
        head = _HEAD.match(text)
        heading = next((line for line in text.splitlines() if line.startswith("# ")), "")
        return nothing(anchors & there, head[1] if head else "", heading)

    return stand_in


def _pages(site: Path, docs: Path, staged: Stage) -> dict[str, str] | None:
    """What to write, by path: the pages and the index of the search."""
    known = policy.of((site / "index.html").read_text(encoding="utf-8"))
    try:
        pages = {output(path): staged.page(path) for path in staged.pages}
    except LookupError:
        return None
    index = _merged(_read(site / INDEX), _read(staged.site / INDEX), pages.keys())
    if known is None or index is None:
        return None
    if not all(policy.scripts(page) <= policy.hashes(known) for page in pages.values()):
        return None
    gone = {path: ids((site / path).read_text(encoding="utf-8")) - ids(page) for path, page in pages.items()}
    if any(gone.values()) and _missed(docs, staged, gone):
        return None
    text = json.dumps(index, separators=(",", ":"))
    made = {path: policy.put(page, known, path) for path, page in pages.items()}
    return {**made, INDEX: text, INDEX_SCRIPT: f"var __index = {text}"}


def copy_files(docs: Path, site: Path, paths: Collection[str]) -> None:
    """Make these files of the site, which are no pages, what they are in the docs folder."""
    for path in paths:
        if is_hidden(path):
            continue
        if not (docs / path).is_file():
            (site / path).unlink(missing_ok=True)
            continue
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(docs / path, site / path)


def _missed(docs: Path, staged: Stage, gone: Mapping[str, Collection[str]]) -> bool:
    """Whether a page that was not rendered leads to an anchor that is gone."""
    others = {file.relative_to(docs).as_posix(): file for file in docs.rglob("*.md")}
    return any(
        anchor in gone.get(output(target), ())
        for path in others.keys() - {*staged.pages}
        for target, anchor in links(path, others[path].read_text(encoding="utf-8"))
    )


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _merged(before: dict[str, Any], fresh: dict[str, Any], pages: Collection[str]) -> dict[str, Any] | None:
    """The index of before with the entries of `pages` as they are now, in the order of before."""
    entries: defaultdict[str, list[Any]] = defaultdict(list)
    for entry in fresh["docs"]:
        if _page(entry) in pages:
            entries[_page(entry)].append(entry)
    found: list[Any] = []
    for entry in before["docs"]:
        if _page(entry) not in pages:
            found.append(entry)
        elif _page(entry) in entries:
            found += entries.pop(_page(entry))
    return None if entries else {**before, "docs": found}


def _page(entry: dict[str, Any]) -> str:
    return str(entry["location"]).partition("#")[0]
