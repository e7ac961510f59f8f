"""One browser for the tests of a file, a fresh context for each test, and the site of the example workspace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.grading import built
from tests.browser.watching import FLAGS, Watched, build_site, watch
from tests.pages.example import make_workspace


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def watched(chrome: Browser) -> Iterator[Watched]:
    context = chrome.new_context(viewport={"width": 1280, "height": 900})
    yield watch(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(make_workspace(tmp_path_factory.mktemp("workspace")))


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The annotators' edition, with a page to grade on."""
    return built(tmp_path_factory.mktemp("workspace"))
