"""Reads built pages the way a browser would, to say what they contain."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHES = {("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href"), ("source", "src"), ("image", "href")}


class Page(HTMLParser):
    """What one HTML file holds: ids, links, everything it would fetch or run."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._in_script = False
        self.feed(file.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.handlers += [f"{tag} {name}" for name in values if name.startswith("on")]
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.fetched += [value for name, value in values.items() if (tag, name) in FETCHES]
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append(values.get("src", ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is shown."""
        return "".join(self.words)


def read_site(site: Path) -> dict[str, Page]:
    """All pages by their path in the site."""
    return {file.relative_to(site).as_posix(): Page(file) for file in sorted(site.rglob("*.html"))}


def dead_links(site: Path) -> list[str]:
    """Links within the site that lead nowhere, whoever wrote them: MkDocs checks only those written as Markdown.

    404.html is left out: only web servers show it, from their own root.
    """
    pages = {page.file: page for page in read_site(site).values()}
    return [
        f"{page.file.relative_to(site)} -> {link}"
        for page in pages.values()
        for link in page.links
        if page.file.name != "404.html" and not urlsplit(link).scheme and not _exists(pages, page, link)
    ]


def _exists(pages: dict[Path, Page], page: Page, link: str) -> bool:
    parts = urlsplit(link)
    target = page.file if not parts.path else (page.file.parent / unquote(parts.path)).resolve()
    if target not in pages:
        return target.exists()
    return not parts.fragment or unquote(parts.fragment) in pages[target].ids or parts.fragment == "__skip"
