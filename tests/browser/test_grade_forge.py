"""From the page for grading to the forge: the one request that leaves it, after a click, with the very file."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from assay.documents import parse
from tests.browser.grading import PAGE, built
from tests.browser.watching import Watched
from tests.pages.example import TASK

pytestmark = pytest.mark.browser
GITHUB = "https://github.com/o/r/new/main"
GITLAB = "https://git.example.org/group/sub/r/-/new/main"
PATH = f"annotations/{TASK}/rater-2.yaml"
TEXT = "100% & more = <b>#1</b> + \u00e9 \U0001f600 \u2028 'x' \"y\" \\ \u200b;/?:@$,\n\nsecond paragraph"


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {forge: tmp_path_factory.mktemp("forge") for forge in (GITHUB, GITLAB)}
    return {forge: built(root, f'[site]\nforge = "{forge}"\n') for forge, root in made.items()}


def opened(watched: Watched, site: Path) -> list[str]:
    """The page; what is asked of anybody else is noted, and answered here."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="the forge", content_type="text/plain")

    watched.page.context.route(re.compile("https?:"), answer)
    watched.open(site, f"{PAGE}?by=rater-2")
    return asked


def text_of(page: Page) -> str:
    page.get_by_role("tab", name="file").click()
    return page.locator(".as-gyaml").inner_text()


def clicked(page: Page) -> None:
    """What the page does on the click, without leaving it."""
    page.evaluate("addEventListener('click', event => event.preventDefault(), {once: true})")
    page.get_by_role("link", name="open on the forge").click()


def followed(page: Page) -> None:
    """Goes there, in this window: the first request of another that cannot look back is not seen by a route."""
    link = page.get_by_role("link", name="open on the forge")
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    link.evaluate("link => { link.target = '_self' }")
    link.click()
    page.wait_for_url(re.compile("https:"))


@pytest.mark.parametrize(("forge", "names"), [(GITHUB, ("filename", "value")), (GITLAB, ("file_name", "content"))])
def test_the_forge_opens_with_the_very_file(
    watched: Watched, sites: dict[str, Path], forge: str, names: tuple[str, str]
) -> None:
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    asked = opened(watched, sites[forge])
    page.get_by_label("the rationale of").fill(TEXT)
    wanted = text_of(page)
    assert asked == []
    clicked(page)
    assert asked == []
    if forge == GITLAB:  # some releases show an empty editor
        expect(page.locator(".as-gsays")).to_contain_text("The text was copied too")
        assert page.evaluate("navigator.clipboard.readText()") == wanted
    followed(page)
    assert asked == watched.external == [page.url]
    address = urlsplit(asked[0])
    assert f"{address.scheme}://{address.netloc}{address.path}" == forge
    assert parse_qsl(address.query, strict_parsing=True) == [(names[0], PATH), (names[1], wanted)]
    record = parse(wanted, "x.yaml")[0]
    assert record is not None
    assert TEXT in [grade["rationale"].strip() for grade in record.data["grades"].values()]
    assert watched.complaints == []


def test_a_file_too_long_for_an_address_is_copied(watched: Watched, sites: dict[str, Path]) -> None:
    page = watched.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    asked = opened(watched, sites[GITHUB])
    page.get_by_label("the rationale of").fill("word " * 2000)
    wanted = text_of(page)
    clicked(page)
    expect(page.locator(".as-gsays")).to_contain_text("too long for an address: it was copied, paste it there")
    assert page.evaluate("navigator.clipboard.readText()") == wanted
    expect(page.get_by_role("button", name="download")).to_be_visible()
    followed(page)
    assert asked == [f"{GITHUB}?filename=annotations%2Ftally-words%2Frater-2.yaml"]


def test_without_a_clipboard_nobody_is_told_that_it_was_copied(watched: Watched, sites: dict[str, Path]) -> None:
    page = watched.page
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    opened(watched, sites[GITHUB])
    page.get_by_label("the rationale of").fill("word " * 2000)
    text_of(page)
    clicked(page)
    expect(page.locator(".as-gsays")).to_contain_text("does not copy here: select the text below, or download it")


def test_no_address_is_longer_than_servers_take(watched: Watched, sites: dict[str, Path]) -> None:
    page = watched.page
    opened(watched, sites[GITHUB])
    lengths = []
    for more in (0, 1000, 2000, 3000, 4000):
        page.get_by_role("tab").first.click()
        page.get_by_label("the rationale of").fill("x" * more)
        text_of(page)
        lengths.append(len(page.get_by_role("link", name="open on the forge").get_attribute("href") or ""))
    assert max(lengths) <= 7500
    assert lengths[0] > 3000, "short ones are in the address"
    assert lengths[-1] < 200
