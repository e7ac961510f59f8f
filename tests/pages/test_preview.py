"""`assay site --since`: what a pull request touches, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from assay.cli import main
from assay.errors import ExitCode
from tests.pages.built import dead_links, read_site
from tests.pages.example import TASK, make_workspace

RATER = f"annotations/{TASK}/rater-1.yaml"
PREVIEW = "build/preview"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a branch on which nothing has happened yet."""
    made = make_workspace(tmp_path)
    (made / ".gitignore").write_text("build/\n.assay/\nsite/*/\n")
    monkeypatch.chdir(made)
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-qm", "Start"],
        ["checkout", "-qb", "change"],
    ):
        subprocess.run(["git", *command], check=True)
    return made


def absent(site: Path) -> set[str]:
    return {path for path, page in read_site(site).items() if "Not in this preview" in page.text}


def test_it_has_what_was_changed_and_says_of_the_rest_that_it_is_not_there(root: Path) -> None:
    sheet = root / RATER
    sheet.write_text(sheet.read_text().replace("minutes: ", "minutes: 1").replace("adds a file", "adds <b>a</b> file"))
    (root / "site/about.md").write_text(f"# About\n\n[A task](tasks/{TASK}/index.md)\n")
    assert main(["site", "--since", "main"]) == ExitCode.CLEAN
    site = root / PREVIEW
    pages = read_site(site)
    assert "adds <b>a</b> file" in pages[f"tasks/{TASK}/index.html"].text
    assert "2 files changed" in pages["index.html"].text
    assert {f"trajectories/{TASK}/dry-finch.html", "about.html", f"compare/{TASK}.html"} <= pages.keys() - absent(site)
    assert {"ranking.html", "quality.html", "tasks/index.html", "rules.html"} <= absent(site)
    assert [link for link in dead_links(site) if "#" not in link] == []
    assert all("Content-Security-Policy" in page.file.read_text() for page in pages.values())
    assert not (root / "build/site").exists()


def test_a_changed_log_brings_its_own_page_only(root: Path) -> None:
    log = root / f"trajectories/{TASK}/dry-finch/trajectory.json"
    log.write_text(log.read_text().replace("First I look", "First I stare"))
    assert main(["site", "--since", "main"]) == ExitCode.CLEAN
    site = root / PREVIEW
    assert "First I stare" in read_site(site)[f"trajectories/{TASK}/dry-finch.html"].text
    assert f"trajectories/{TASK}/brisk-otter.html" in absent(site)
    assert main(["site", "--since", "HEAD"]) == ExitCode.CLEAN
    assert (site / f"trajectories/{TASK}/dry-finch/trajectory.json").is_file()


def test_what_the_rules_say_of_it_stands_on_the_first_page(root: Path) -> None:
    sheet = root / RATER
    sheet.write_text(sheet.read_text().replace("step:4", "step:44"))
    main(["site", "--since", "main"])
    text = read_site(root / PREVIEW)["index.html"].text
    assert "citation-unresolved" in text or "citation-" in text
    assert f"{RATER}:" in text


def test_annotators_see_no_grades_in_theirs(root: Path) -> None:
    sheet = root / RATER
    sheet.write_text(sheet.read_text().replace("# words, not bytes", "words of rater-1"))
    for audience, told in (("annotator", False), ("public", True)):
        assert main(["site", "--since", "main", "--audience", audience]) == ExitCode.CLEAN
        whole = "".join(file.read_text() for file in (root / PREVIEW).rglob("*.html"))
        assert ("Counts words, not bytes" in whole) == told
        assert ("words of rater-1" in read_site(root / PREVIEW)["index.html"].text) == told


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--since", "nowhere"], ExitCode.USAGE, "unknown-revision"),
        (["--since", "main", "--serve"], ExitCode.USAGE, "do not go together"),
    ],
)
def test_what_cannot_be_asked_for(
    root: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    assert main(["site", *options]) == code
    assert words in capsys.readouterr().err


def test_settings_that_a_preview_cannot_follow_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = root / "mkdocs.yml"
    settings.write_text(settings.read_text().replace("plugins: [search, offline]", "plugins: [search, offline, tags]"))
    assert main(["site", "--since", "main"]) == ExitCode.USAGE
    assert "preview-settings" in capsys.readouterr().err


def test_a_dead_link_is_refused_and_the_last_preview_stays(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = root / "site/about.md"
    about.write_text("# About\n\nMore.\n")
    assert main(["site", "--since", "main"]) == ExitCode.CLEAN
    about.write_text("# About\n\n[x](nothing.md)\n")
    assert main(["site", "--since", "main"]) == ExitCode.FINDINGS
    assert "nothing.md" in capsys.readouterr().err
    assert "More." in (root / PREVIEW / "about.html").read_text()
