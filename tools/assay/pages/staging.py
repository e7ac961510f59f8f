"""The tree that MkDocs is given, and what is made of its output.

Half of the time that MkDocs spends on a log goes into parsing rows that come out as they went in. So the rows of pages
that the search leaves out are lifted: what stands in for them has only the anchors that others link to. And where few
pages have changed only those are rendered; of the others there is what the links of these lead to, rendered as nothing.
The result is byte for byte that of `mkdocs build` on the whole tree.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from assay.pages.writer import DOCS

FOLDER = "build/stage"
BLOCK = 1000
"""Characters of a block of raw HTML above which it is lifted."""
_PLAIN = re.compile(
    r"site_(?:name|url|description|author|dir)|copyright|repo_(?:url|name)|edit_uri|docs_dir|use_directory_urls|strict"
    r"|theme|nav|not_in_nav|plugins|extra|extra_css|extra_javascript|markdown_extensions|validation"
)
"""Settings of which it is known that no page shows anything of another page but its title in the navigation."""
_PLAIN_THEME = re.compile("name|font|logo|favicon|features|palette|language|icon")
_HOOK = Path(__file__).with_name("templates_kept.py")
_UNLISTED = "search:\n  exclude: true\n"
_LINK = re.compile(r"\]\(\s*<?([^)\s>#]*)(?:#([^)\s>]*))?|^ {0,3}\[[^\]\n]+\]:\s*<?([^\s>#]*)(?:#([^\s>]*))?", re.M)
_ID = re.compile(r' id="([^"]*)"')
_BLOCK = re.compile(r'^<div class="as-[a-z]+"(?![^>]*markdown=)[^>]*>', re.M)
_DIV = re.compile(r"<(/?)div\b")

StandIn = Callable[[str, frozenset[str]], str | None]
"""By path in the docs folder and the anchors that are led to: what stands there; None when there is no such file."""


@dataclass(frozen=True)
class Stage:
    """A tree in `folder` and, by page, what stands in for a lifted block and the block."""

    folder: Path
    pages: tuple[str, ...]
    lifted: Mapping[str, list[tuple[str, str]]]

    @property
    def site(self) -> Path:
        """Where MkDocs puts the output."""
        return self.folder / "site"

    def page(self, path: str) -> str:
        """The HTML of a page with everything in its place. Raises LookupError when that cannot be done."""
        file = self.site / output(path)
        if not file.is_file():
            raise LookupError(path)
        text = file.read_text(encoding="utf-8")
        for stand_in, block in self.lifted.get(path, ()):
            if text.count(stand_in) != 1:
                raise LookupError(path)
            text = text.replace(stand_in, block)
        return text


def output(path: str) -> str:
    """Where in the site the page that is at `path` in the docs folder is."""
    return f"{path.removesuffix('.md')}.html"


def is_hidden(path: str) -> bool:
    """Whether MkDocs leaves out a file that is in the docs folder."""
    return path.startswith("templates/") or any(part.startswith(".") for part in path.split("/"))


def is_plain(configuration: str) -> bool:
    """Whether the pages of a site with this mkdocs.yml can be rendered one without the other, and lifted."""
    found = _read(configuration)
    theme = found.get("theme")
    if not isinstance(theme, dict):
        return False
    return (
        all(_PLAIN.fullmatch(str(name)) for name in found)
        and all(_PLAIN_THEME.fullmatch(str(name)) for name in theme)
        and "navigation.footer" not in theme.get("features", ())
        and found.get("plugins") == ["search", "offline"]
        and found.get("use_directory_urls") is False
        and (found.get("docs_dir"), isinstance(found.get("nav"), list)) == (DOCS, True)
        and all(isinstance(item, str) or "toc" in item for item in found.get("markdown_extensions", ()))
    )


def stage(root: Path, texts: Mapping[str, str], stand_in: StandIn, navigated: bool = True) -> Stage:
    """Write the tree that has these pages, with what stands in for the files that they lead to.

    With `navigated` the pages in the navigation are among those.
    """
    folder = root / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    targets: defaultdict[str, set[str]] = defaultdict(set)
    for path, text in texts.items():
        for target, anchor in links(path, text):
            targets[target].add(anchor)
    lifted: dict[str, list[tuple[str, str]]] = {}
    for path, text in texts.items():
        rest, lifted[path] = _lift(text, targets[path]) if _UNLISTED in text[:500] else (text, [])
        _put(folder / "docs" / path, rest)
    others = {*targets, *(navigation(root) if navigated else ())} - texts.keys()
    for path in sorted(others):
        found = stand_in(path, frozenset(filter(None, targets[path])))
        if found is not None:
            _put(folder / "docs" / path, found)
    _put(folder / "theme/nothing.html", "")
    settings = {
        "INHERIT": "../../mkdocs.yml",
        "docs_dir": "docs",
        "site_dir": "site",
        "theme": {"custom_dir": "theme"},
        "hooks": [str(_HOOK)],
    }
    _put(folder / "mkdocs.yml", json.dumps(settings))
    return Stage(folder, tuple(texts), lifted)


def nothing(anchors: Collection[str], head: str = "", heading: str = "") -> str:
    """A page that is rendered as nothing, which others may lead to, with its front matter and title."""
    places = "".join(f'<span id="{name}"></span>' for name in sorted(anchors))
    return f"---\n{head}template: nothing.html\n---\n{heading}\n\n<div>{places}</div>\n"


def _read(configuration: str) -> dict[str, Any]:
    """The settings in mkdocs.yml; empty when they are more than plain YAML."""
    from assay.documents import parse

    document, problems = parse(configuration, "mkdocs.yml")
    return document.data if document and not problems and isinstance(document.data, dict) else {}


def navigation(root: Path) -> list[str]:
    """The pages that mkdocs.yml names."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(item)

    walk(_read((root / "mkdocs.yml").read_text(encoding="utf-8")).get("nav"))
    return found


def links(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Files that a page may link to, with the anchors in them; what is none does no harm."""
    for one, anchor, two, second in _LINK.findall(text):
        target, place = unquote(one or two), unquote(anchor or second)
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)) if target else path
        if "://" not in target and not whole.startswith(("/", "..")):
            yield whole, place


def ids(text: str) -> frozenset[str]:
    """The anchors in HTML that was generated."""
    return frozenset(_ID.findall(text))


def _lift(text: str, anchors: Collection[str]) -> tuple[str, list[tuple[str, str]]]:
    """The page with small blocks in the place of long ones, and both."""
    pieces: list[str] = []
    blocks: list[tuple[str, str]] = []
    at = 0
    for found in _BLOCK.finditer(text):
        if found.start() < at:
            continue
        end = _end(text, found.start())
        block = text[found.start() : end]
        if len(block) < BLOCK or not text.startswith("\n", end):
            continue
        inner = "".join(f'<span id="{name}"></span>' for name in sorted(ids(block) & {*anchors}))
        stand_in = f'<div class="as-lifted-{len(blocks)}">{inner}</div>'
        blocks.append((stand_in, block))
        pieces += [text[at : found.start()], stand_in]
        at = end
    return "".join([*pieces, text[at:]]), blocks


def _end(text: str, start: int) -> int:
    """Where the element that begins at `start` ends."""
    depth = 0
    for found in _DIV.finditer(text, start):
        depth += -1 if found[1] else 1
        if not depth:
            return found.end() + 1
    return start


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
