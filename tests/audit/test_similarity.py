"""Near-duplicates and contamination: what is told apart, what is found, and corpora that cannot be read."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from assay.audit.similarity import LISTED, REVIEWED, contamination, near_duplicates, read_corpus
from assay.errors import EnvironmentMissingError, UsageError

TEXTS = {
    "totals": (
        "You are given a CSV file `/app/data/orders.csv` with the columns order_id, customer, amount and date. "
        "Write a Python script `/app/report.py` that computes the total amount per customer and writes it to "
        "`/app/out/totals.json` as an object that maps the customer's name to the total, rounded to two decimals. "
        "Rows with an empty amount must be skipped. The script must exit with status 1 when the input is missing."
    ),
    "totals-reworded": (
        "In `/app/data/orders.csv` you find orders (columns: order_id, customer, amount, date). Please create a "
        "script `/app/report.py` in Python which sums up the amounts for every customer and stores the sums, "
        "rounded to 2 decimals, in `/app/out/totals.json` as a mapping from customer name to total. Skip rows "
        "whose amount is empty. If the input file does not exist, the script has to exit with status 1."
    ),
    "outliers": (
        "You are given a CSV file `/app/data/readings.csv` with the columns sensor, time and value. Write a Python "
        "script `/app/clean.py` that removes outliers (more than three standard deviations from the sensor's "
        "mean), interpolates the gaps linearly and writes the cleaned rows to `/app/out/clean.csv` in the order of "
        "time. The script must exit with status 1 when the input is missing."
    ),
    "nginx": (
        "The nginx server in this container does not start. Find out why, repair `/etc/nginx/nginx.conf`, and make "
        "it serve `/srv/www/index.html` on port 8080. Requests for missing files must get the page "
        "`/srv/www/404.html` with status 404. Log requests to `/var/log/nginx/custom.log`."
    ),
    "nginx-reworded": (
        "nginx fails to start here. Fix the configuration in `/etc/nginx/nginx.conf` so that `/srv/www/index.html` "
        "is served on port 8080; for files that do not exist the answer must be `/srv/www/404.html` with a 404 "
        "status. All requests are to be logged in `/var/log/nginx/custom.log`."
    ),
    "nginx-slow": (
        "The nginx server in this container answers, but slowly. Configure `/etc/nginx/nginx.conf` so that "
        "responses are compressed with gzip, static files below `/srv/www/assets` are cached for one hour by "
        "browsers, and at most 10 requests per second are accepted from one address. Log rejected requests to "
        "`/var/log/nginx/limited.log`."
    ),
}


def test_a_reworded_task_is_found_and_a_sibling_is_not() -> None:
    wanted = {("totals", "totals-reworded"), ("nginx", "nginx-reworded")}
    assert {(pair.a, pair.b) for pair in near_duplicates(TEXTS)} == wanted
    for pair in wanted:  # how rare a word is must be known from two texts alone
        assert [found[:2] for found in near_duplicates({name: TEXTS[name] for name in pair})] == [pair]
    assert near_duplicates({name: TEXTS[name] for name in ("nginx", "nginx-slow")}) == []


def test_a_copy_in_capitals_and_other_lines_is_to_be_reviewed() -> None:
    copy = "TASK\n\n" + TEXTS["totals"].upper().replace(". ", ".\n")
    [pair] = near_duplicates({"b": TEXTS["totals"], "a": copy, "c": ""})
    assert (pair.a, pair.b) == ("b", "a")
    assert REVIEWED < pair.score <= 1


def test_contamination_names_the_text_of_the_corpus() -> None:
    corpus = {"known": TEXTS["totals"], "other": TEXTS["nginx"]}
    found = contamination({"mine": TEXTS["totals-reworded"], "new": TEXTS["outliers"]}, corpus)
    assert [(pair.a, pair.b) for pair in found] == [("mine", "known")]
    assert LISTED <= found[0].score < REVIEWED


@pytest.mark.parametrize("texts", [{}, {"a": "one text"}, {"a": "", "b": " \n"}])
def test_nothing_to_compare(texts: dict[str, str]) -> None:
    assert near_duplicates(texts) == []
    assert contamination(texts, {}) == []


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join(TEXTS.values()).split()
    chance = random.Random(7)
    texts = {f"t{n:02}": " ".join(chance.sample(words, 60)) for n in range(30)} | {"copy": TEXTS["nginx"], **TEXTS}
    whole = near_duplicates(texts, 0.2)
    monkeypatch.setattr("assay.audit.similarity._CELLS", 100)
    assert near_duplicates(texts, 0.2) == whole
    assert whole[0] == ("copy", "nginx", 1.0)
    assert max(sum(pair.a == name for pair in whole) for name in texts) == 10


def test_a_corpus_is_read(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text(
        '{"id": 7, "instruction": "a"}\n\n{"text": "", "prompt": "b"}\n{"problem_statement": "c", "id": "x"}'
    )
    assert read_corpus(file) == {"7": "a", "line-3": "b", "x": "c"}


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        (None, "", "cannot be read"),
        (b"", "", "empty"),
        (b"\n \n", "", "empty"),
        (b'{"text": "a"}\n{"text": ', ":2", "JSON object"),
        (b'{"text": "a"}\n["a"]\n', ":2", "`instruction`"),
        (b'{"title": "a"}\n', ":1", "`instruction`"),
        (b'{"text": 3}\n', ":1", "`instruction`"),
        (b'{"text": "\xff"}\n', ":1", "JSON object"),
        (b'{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', "", "`1` is there twice"),
    ],
)
def test_half_a_corpus_is_an_error(content: bytes | None, where: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_corpus(file)
    assert caught.value.message.startswith(f"{file}{where}: ")
    assert what in caught.value.message


def test_without_the_library_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(EnvironmentMissingError) as caught:
        near_duplicates(TEXTS)
    assert caught.value.hint == "pip install 'assay[similarity]'"
