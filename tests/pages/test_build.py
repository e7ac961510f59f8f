"""The built site: strict, sealed, self-contained, reproducible, and deaf to hostile text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.diagnostics import Diagnostic, Severity
from assay.errors import UsageError
from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.policy import finalize
from assay.pages.sources import OUTPUT
from assay.pages.writer import write
from assay.results.ranking import rank_workspace
from assay.workspace import load
from tests.pages.built import dead_links, read_site
from tests.pages.example import ROOT, TASK, make_workspace
from tests.pages.hostile import make_hostile


def build_site(root: Path) -> Path:
    """Generate and build, with a ranking even when the annotations have errors."""
    workspace = load(root)
    findings = [Diagnostic("tasks/x", 1, 1, "schema", "wrong", Severity.ERROR)] * 3
    write(root / "site", pages(workspace, Ranked(rank_workspace(workspace)), findings=findings))
    assert build(root) is None
    return root / OUTPUT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(make_workspace(tmp_path_factory.mktemp("workspace")))


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(make_hostile(tmp_path_factory.mktemp("hostile")))


def test_every_link_leads_somewhere(site: Path) -> None:
    assert dead_links(site) == []


def test_ids_are_unique(site: Path) -> None:
    for path, page in read_site(site).items():
        assert len(page.ids) == len(set(page.ids)), path


def test_every_page_has_the_policy_before_anything_runs(site: Path) -> None:
    for path, page in read_site(site).items():
        text = page.file.read_text(encoding="utf-8")
        policy, script = text.find("Content-Security-Policy"), text.find("<script")
        assert 0 < policy < script, path
        assert text.count("Content-Security-Policy") == 1


def test_nothing_is_fetched_from_elsewhere(site: Path, hostile_site: Path) -> None:
    for place in (site, hostile_site):
        fetched = {url for page in read_site(place).values() for url in page.fetched}
        assert [url for url in fetched if "://" in url or url.startswith("//")] == []


def test_hostile_text_adds_no_script_no_handler_and_no_link(site: Path, hostile_site: Path) -> None:
    clean, attacked = read_site(site), read_site(hostile_site)
    assert set(clean) == set(attacked)
    for path, page in attacked.items():
        assert page.handlers == clean[path].handlers == [], path
        assert page.scripts == clean[path].scripts, path
        assert [link for link in page.links if "script:" in link] == [], path
        assert "format = 1" not in page.text, f"{path} included a file"
    for path in ("index.html", "ranking.html", f"tasks/{TASK}/index.html", f"trajectories/{TASK}/dry-finch.html"):
        for words in ("<script>window.pwned=1</script>", "[x](javascript:window.pwned=1)", "{{7*7}}", "{: onclick="):
            assert words in attacked[path].text, path


def test_hostile_names_have_no_page(hostile_site: Path) -> None:
    assert not [path for path in read_site(hostile_site) if "<" in path or '"' in path]


def test_a_missing_row_fails_the_build(root: Path) -> None:
    build_site(root)
    page = root / f"site/trajectories/{TASK}/brisk-otter.md"
    page.write_text(page.read_text().replace('id="s4"', 'id="s5"'))
    refusal = build(root)
    assert refusal is not None
    assert "brisk-otter.md#s4" in refusal


def test_two_builds_are_the_same_bytes(root: Path, tmp_path: Path) -> None:
    first = build_site(root).rename(tmp_path / "first")
    second = build_site(root)
    files = {file.relative_to(first): file.read_bytes() for file in first.rglob("*") if file.is_file()}
    assert files == {file.relative_to(second): file.read_bytes() for file in second.rglob("*") if file.is_file()}


def test_an_unchanged_site_is_not_built_again_and_a_changed_one_is(root: Path) -> None:
    index = build_site(root) / "index.html"
    before = index.stat().st_mtime_ns
    build_site(root)
    assert index.stat().st_mtime_ns == before
    (root / "site/about.md").write_text("# About\n\nAnother text.\n")
    build_site(root)
    assert "Another text." in (root / OUTPUT / "about.html").read_text()


def test_a_site_that_others_built_is_built_again(root: Path) -> None:
    build_site(root)
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q"], cwd=root, check=True)
    assert "Content-Security-Policy" not in (root / OUTPUT / "index.html").read_text()
    build_site(root)
    assert "Content-Security-Policy" in (root / OUTPUT / "index.html").read_text()


def test_plain_mkdocs_works_afterwards(root: Path) -> None:
    build_site(root)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_search_finds_tasks_and_rationales_but_no_transcripts(site: Path) -> None:
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    assert "brisk-otter" in index
    assert "Counts words, not bytes" in index
    assert "First I look at the script" not in index


def test_pages_without_a_charset_are_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html></html>")
    with pytest.raises(UsageError, match="charset"):
        finalize(tmp_path, {})


def test_without_mkdocs_the_command_says_what_to_install(root: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); from pathlib import Path\n"
        "from assay.pages.building import build; from assay.errors import FatalError\n"
        f"try: build(Path({str(root)!r}))\n"
        "except FatalError as error: print(error.render()); sys.exit(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "pip install 'mkdocs-material" in done.stdout


def test_the_scaffold_and_this_repository_configure_the_same_site() -> None:
    own, template = (
        [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("site_name:")]
        for file in (ROOT / "mkdocs.yml", ROOT / "tools/assay/scaffold/templates/mkdocs.yml")
    )
    assert own == template


def test_the_command_builds_and_names_the_first_page(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assay", "site"],
        cwd=root / "tasks",
        env={"PYTHONPATH": str(ROOT / "tools"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(root / "build/site/index.html")
    assert (root / "build/site/index.html").is_file()
