"""Files after each edit, in a browser: from a step to the file and back, without scripts, and loaded when opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import Watched, build_site
from tests.pages.example import TASK, make_workspace, step, write_attempt
from tests.pages.test_file_states import Call, edit, steps, write

pytestmark = pytest.mark.browser
SHORT, LONG = (f"trajectories/{TASK}/{alias}.html" for alias in ("dry-finch", "calm-heron"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("edited"))
    few = [write("one\ntwo\n", "src/a.py"), edit("two", "2", "src/a.py")]
    many: list[Call] = [write(f"line {number}\n" * 300, "src/b.py") for number in range(200)]
    for alias, calls in (("dry-finch", few), ("calm-heron", many)):
        made = [found.model_dump(mode="json", exclude_none=True) for found in steps(calls)]
        write_attempt(root, alias, steps=[*made, step(len(made) + 1, "agent", "Done.")])
    return build_site(root)


def test_a_step_leads_to_the_file_after_it_and_back(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"{SHORT}#s3")
    page.locator("#s3 .as-call").get_by_role("link", name="a.py").click()
    state = page.locator('[id="f:src/a.py@s3.c1"]')
    expect(state).to_have_attribute("open", "")
    expect(state.locator(".as-code")).to_be_in_viewport()
    expect(state.locator(".as-code")).to_have_text("one\n2")
    state.get_by_role("link", name="the call in step 3").click()
    expect(page.locator('[id="s3.c1"]')).to_be_in_viewport()
    assert watched.complaints == []


def test_an_address_of_a_long_log_loads_the_file(watched: Watched, site: Path) -> None:
    page = watched.page
    watched.open(site, f"{LONG}#f:src/b.py@s150.c1")
    state = page.locator('[id="f:src/b.py@s150.c1"]')
    expect(state.locator(".as-code")).to_contain_text("line 148")
    expect(state.locator(".as-code")).to_be_in_viewport()
    assert len([url for url in watched.requests if "/c/" in url]) == 1
    assert watched.complaints == []
    assert watched.external == []


def test_files_are_read_without_scripts(chrome: Browser, site: Path) -> None:
    page = chrome.new_page(java_script_enabled=False)
    page.goto(f"{site.as_uri()}/{SHORT}")
    page.locator(".as-edited > summary").click()
    page.locator(".as-state > summary").first.click()
    expect(page.locator(".as-state .as-code").first).to_have_text("one\ntwo")
    page.close()
