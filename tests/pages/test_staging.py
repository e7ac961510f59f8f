"""A site that was built from lifted pages, or mended, is byte for byte that of `mkdocs build` on the whole tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pages import building, policy, staging
from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.sources import OUTPUT, STAMP
from assay.pages.writer import write
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.pages.example import ROOT, TASK, make_workspace
from tests.pages.hostile import make_hostile

PLAIN = {"SOURCE_DATE_EPOCH": "315532800", "NO_MKDOCS_2_WARNING": "1"}


def generate(root: Path) -> None:
    workspace = load(root)
    write(root / "site", pages(workspace, Ranked(rank_workspace(workspace))))


def tree(root: Path) -> dict[str, bytes]:
    files = (file for file in (root / OUTPUT).rglob("*") if file.is_file() and file.name != STAMP)
    return {file.relative_to(root / OUTPUT).as_posix(): file.read_bytes() for file in files}


def plainly_built(root: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    subprocess.run(command, cwd=root, check=True, env=os.environ | PLAIN)
    policy.finalize(root / OUTPUT, {})
    return tree(root)


@pytest.fixture(scope="module", params=[make_workspace, make_hostile])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with its site."""
    make: Callable[[Path], Path] = request.param
    root = make(tmp_path_factory.mktemp("built"))
    generate(root)
    assert build(root) is None
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "root")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Gets a line for each time that everything is rendered."""
    asked: list[Path] = []
    original = building._wholly

    def noting(root: Path, *rest: object) -> str | None:
        asked.append(root)
        return original(root, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "_wholly", noting)
    return asked


def test_a_whole_build_is_that_of_mkdocs(root: Path) -> None:
    texts = {page.relative_to(root / "site").as_posix(): page.read_text() for page in (root / "site").rglob("*.md")}
    assert any(staging.stage(root, texts, lambda path, anchors: "").lifted.values())
    assert tree(root) == plainly_built(root)


def test_no_link_leads_out_of_the_tree(tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    asked: list[str] = []

    def stand_in(path: str, anchors: frozenset[str]) -> str:
        asked.append(path)
        return ""

    texts = {
        "a/b.md": "[x](../../../c.md) [y](/etc/d.md) [z](https://e.example/f.md) [w](<g.md#h>)\n\n[v]: ../i.md#j\n"
    }
    staging.stage(tmp_path, texts, stand_in, navigated=False)
    assert asked == ["a/g.md", "i.md"]


def test_a_mended_site_is_that_of_mkdocs(root: Path, whole: list[Path]) -> None:
    """A changed annotation, hand-written page, script and picture, and a file that is gone."""
    sheet = root / f"annotations/{TASK}/rater-1.yaml"
    sheet.write_text(sheet.read_text().replace("minutes: ", "minutes: 1"))
    generate(root)
    (root / "site/about.md").write_text(
        f"# About\n\n[A step](trajectories/{TASK}/dry-finch.md#s2), [tasks](tasks/index.md)\n"
    )
    (root / "site/assets/assay/assay.js").write_text("/* another */")
    (root / "site/assets/assay/tasks.js").unlink()
    before = tree(root)
    assert build(root) is None
    assert whole == []
    mended = tree(root)
    assert mended == plainly_built(root)
    assert {path for path in mended if mended[path] != before.get(path)} >= {
        f"tasks/{TASK}/index.html",
        "about.html",
        "assets/assay/assay.js",
        "search/search_index.js",
    }


@pytest.mark.parametrize("change", ["another page", "a page less", "other settings"])
def test_what_reaches_other_pages_builds_all(root: Path, whole: list[Path], change: str) -> None:
    if change == "another page":
        (root / "site/agents.md").write_text("# Agents\n")
    elif change == "a page less":
        (root / f"site/compare/{TASK}.md").unlink()
        page = root / f"site/tasks/{TASK}/index.md"
        page.write_text(page.read_text().replace(f"../../compare/{TASK}.md", ""))
    else:
        settings = root / "mkdocs.yml"
        settings.write_text(
            settings.read_text().replace("- navigation.top\n", "- navigation.top\n    - toc.integrate\n")
        )
    build(root)
    assert len(whole) == 1


@pytest.mark.parametrize("path", ["templates/x.md", ".notes/x.md", "notes/README.md"])
def test_what_mkdocs_renders_otherwise_is_left_to_it(root: Path, path: str) -> None:
    page = root / "site" / path
    page.parent.mkdir(exist_ok=True)
    page.write_text("# Notes\n")
    assert build(root) is None
    assert tree(root) == plainly_built(root)


def test_links_of_changed_and_unchanged_pages_are_checked(root: Path) -> None:
    before = tree(root)
    about, log = root / "site/about.md", root / f"site/trajectories/{TASK}/brisk-otter.md"
    about.write_text(f"# About\n\n[x](trajectories/{TASK}/dry-finch.md#s99) [y](nothing.md)\n")
    refusal = build(root) or ""
    assert "dry-finch.md#s99" in refusal
    assert "nothing.md" in refusal
    about.write_text("# About\n")
    log.write_text(log.read_text().replace('id="s4"', 'id="s5"', 1))
    assert "brisk-otter.md#s4" in (build(root) or ""), "a page that has not changed leads there"
    assert {path: text for path, text in tree(root).items() if path in before} == before, "the last good site stays"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("plugins: [search, offline]", "plugins: [search, offline, tags]"),
        ("    - toc.follow\n", "    - toc.follow\n    - navigation.footer\n"),
        ("strict: true", "strict: true\nhooks: [hook.py]"),
        ("use_directory_urls: false", "use_directory_urls: true"),
    ],
)
def test_unknown_settings_are_left_to_mkdocs(built: Path, old: str, new: str) -> None:
    text = (built / "mkdocs.yml").read_text()
    assert staging.is_plain(text)
    assert old in text
    assert not staging.is_plain(text.replace(old, new))
    assert not staging.is_plain("nav: [")
    assert staging.is_plain(f"repo_url: https://example.org/study\nedit_uri: edit/main/site\n{text}")
