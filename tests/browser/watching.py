"""A page of the built site in a browser, with everything it asks for and complains about."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Dialog, Page

from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.sources import OUTPUT
from assay.pages.writer import write
from assay.results.ranking import rank_workspace
from assay.workspace import load

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WATCH = "addEventListener('securitypolicyviolation', event => console.error('policy ' + event.violatedDirective))"


@dataclass
class Watched:
    """A page with everything it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, site: Path, path: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(f"{site.as_uri()}/{path}")

    def on_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    @property
    def external(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("file:", "data:", "about:", "blob:"))]


def watch(page: Page) -> Watched:
    found = Watched(page)
    page.add_init_script(WATCH)
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("dialog", found.on_dialog)
    page.on("console", found.on_console)
    page.on("pageerror", lambda error: found.complaints.append(f"exception {error}"))
    return found


def build_site(root: Path) -> Path:
    workspace = load(root)
    write(root / "site", pages(workspace, Ranked(rank_workspace(workspace))))
    assert build(root) is None
    return root / OUTPUT
