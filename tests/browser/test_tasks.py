"""The table of tasks, narrowed by words and by its columns."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.watching import Watched, build_site
from tests.pages.example import TASK, make_workspace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("many"))
    for name, difficulty, tag in (("sort-lines", "hard", "sorting"), ("cut-lines", "easy", "cutting")):
        shutil.copytree(root / "tasks" / TASK, root / "tasks" / name)
        file = root / f"tasks/{name}/task.toml"
        text = file.read_text().replace(TASK, name).replace('difficulty = "easy"', f'difficulty = "{difficulty}"')
        file.write_text(text.replace('"bash", "text"', f'"{tag}"'))
    return build_site(root)


def test_words_and_columns_narrow_the_table_and_the_address_keeps_them(watched: Watched, many: Path) -> None:
    page = watched.page
    watched.open(many, "tasks/index.html")
    rows = page.locator("table tbody tr:not([hidden])")
    expect(rows).to_have_count(3)
    page.get_by_label("difficulty").select_option("easy")
    expect(rows).to_have_count(2)
    expect(page.get_by_text("2 of 3 tasks")).to_be_visible()
    page.get_by_label("find a task").fill("cutting")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("cut-lines")
    assert page.url.endswith("?find=cutting&difficulty=easy")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("find a task").fill("")
    page.get_by_label("difficulty").select_option("")
    expect(rows).to_have_count(3)
    assert page.url.endswith("tasks/index.html")
    assert watched.complaints == []


def test_without_scripts_all_tasks_are_there(chrome: Browser, many: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{many.as_uri()}/tasks/index.html")
    expect(page.locator("table tbody tr")).to_have_count(3)
    expect(page.locator(".as-facets")).to_be_hidden()
    context.close()
