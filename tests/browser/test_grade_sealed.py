"""A file that the page made, all the way: checked, sealed in two stages, revealed, in a repository of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from assay import cli
from assay.errors import ExitCode
from assay.evidence import Evidence, parse_citation, resolve
from assay.evidence.grammar import Citation
from assay.pages.building import build
from assay.pages.compose import Ranked, pages
from assay.pages.sources import OUTPUT
from assay.pages.writer import write
from assay.workspace import load
from tests.browser.watching import Watched
from tests.pages.example import ROOT, write_text
from tests.sealing.grading_workspace import FOLDER, TASK, commit, findings, git, make, pull_request, run_on_task

pytestmark = pytest.mark.browser
BY = "rater-1"
DRAFT = f"{FOLDER}/drafts/{BY}.yaml"
FIRST = {
    "merges-rows": "test:merge-rows/test_merge",
    "keeps-order": "test:keep-order/test_ties",
    "readable-names": "diff:src/rank.py",
}
RATIONALE = (
    "Both milestones were read test by test, and then the closing message was compared with what the log shows of the "
    "commands that ran before the work was handed over; nothing else decided it."
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which one person grades, who has not begun."""
    made = tmp_path / "w"
    made.mkdir()
    monkeypatch.chdir(made)
    make(made, tmp_path / "coordinator.txt", "stages = 2\n")
    shutil.rmtree(made / FOLDER / "drafts")
    people = made / "annotations/people.yaml"
    people.write_text(people.read_text().replace("[rater-1, rater-2]}", "[rater-1]}"))
    commit(made, "One is enough")
    return made


def site_of(root: Path, copy: Path) -> Path:
    """The annotators' edition, built beside the repository."""
    shutil.copytree(root, copy)
    shutil.copy(ROOT / "mkdocs.yml", copy / "mkdocs.yml")
    write_text(copy / "site/about.md", "# About\n")
    write(copy / "site", pages(load(copy), Ranked(None), audience="annotator"))
    assert build(copy) is None
    return copy / OUTPUT


def quoted(root: Path, alias: str) -> str:
    """The last step, with words of it."""
    citation = parse_citation("step:5")
    assert isinstance(citation, Citation)
    found = resolve(citation, load(root).attempts[TASK][alias])
    assert isinstance(found, Evidence)
    words = " ".join(next(line for line in found.text.splitlines() if len(line.split()) > 4).split()[:7])
    return f'step:5 "{words.replace(chr(34), chr(92) + chr(34))}"'


def grade(page: Page, criterion: str, cite: str, note: str) -> None:
    item = page.locator(f"[data-id={criterion}]")
    item.get_by_role("button", name="true", exact=True).click()
    page.get_by_label(f"cite for {criterion}").fill(cite)
    page.keyboard.press("Enter")
    page.get_by_label(f"note on {criterion}").fill(note)


def aliases(page: Page) -> list[str]:
    return [name.split()[0] for name in page.get_by_role("tab").all_inner_texts()][:-2]


def saved(page: Page, root: Path) -> None:
    """Download the file and put it at the place that the page names."""
    page.get_by_role("tab", name="file").click()
    expect(page.locator(".as-gform")).to_contain_text("Everything is there.")
    expect(page.locator(".as-gform code").first).to_have_text(DRAFT)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="download").click()
    write_text(root / DRAFT, Path(waiting.value.path()).read_text(encoding="utf-8"))


def second_stage(page: Page, root: Path) -> None:
    names = aliases(page)
    for number, alias in enumerate(names):
        page.get_by_role("tab", name=alias).click()
        for criterion in ("says-what-changed", "hides-failure"):
            grade(page, criterion, quoted(root, alias), f'attempt {number}: "it\'s" said # there')
        page.get_by_label(f"the rationale of {alias}").fill(
            f"{RATIONALE} [{quoted(root, alias)}]\n\nIt is shown [step:{number + 1}]."
        )
    page.get_by_role("tab", name="ranking").click()
    page.get_by_role("button", name="This order is my ranking").click()
    told = " and ".join(f"[{alias} {quoted(root, alias)}]" for alias in names)
    page.get_by_label("the comparison").fill(f"They do not differ in what decides: {told}.")
    page.get_by_label("minutes").fill("12")
    page.get_by_label("agent of the guess").first.fill("none")
    expect(page.locator(".as-gsum")).to_contain_text("complete")


def test_what_the_page_made_is_sealed_and_revealed(
    watched: Watched, chrome: Browser, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = watched.page
    site = site_of(root, tmp_path / "site")
    watched.open(site, f"grade/{TASK}.html?by={BY}")
    for alias in aliases(page):
        page.get_by_role("tab", name=alias).click()
        for criterion, cite in FIRST.items():
            grade(page, criterion, cite, "read test by test")
    saved(page, root)
    assert cli.main(["check", DRAFT]) == ExitCode.CLEAN, capsys.readouterr()
    with pull_request(root):
        assert run_on_task("seal", BY, "--stage", "1") == ExitCode.CLEAN, capsys.readouterr()
    assert git(root, "ls-files", FOLDER) == f"{FOLDER}/{BY}.stage-1.seal.json"

    # the second stage in another browser, from the file
    context = chrome.new_context()
    other = context.new_page()
    other.goto(f"{site.as_uri()}/grade/{TASK}.html")
    other.get_by_label("a started file").set_input_files(root / DRAFT)
    expect(other.locator(".as-gsum")).to_contain_text("first stage, complete")
    other.get_by_role("tab", name="file").click()
    other.get_by_role("button", name="The first stage is sealed").click()
    second_stage(other, root)
    saved(other, root)
    context.close()
    assert cli.main(["check", DRAFT]) == ExitCode.CLEAN, capsys.readouterr()
    with pull_request(root):
        assert run_on_task("seal", BY) == ExitCode.CLEAN, capsys.readouterr()
    sealed = (root / DRAFT).read_text(encoding="utf-8").partition("\n")[2]  # the first line names the schema from there
    with pull_request(root):
        assert run_on_task("reveal", BY) == ExitCode.CLEAN, capsys.readouterr()
    assert (root / FOLDER / f"{BY}.yaml").read_text(encoding="utf-8").partition("\n")[2] == sealed
    assert findings(root) == []
    assert cli.main(["check", f"{FOLDER}/{BY}.yaml"]) == ExitCode.CLEAN, capsys.readouterr()
    assert watched.complaints == []
    assert watched.external == []
