from pathlib import Path

WORDS = ["apple", "fig", "pear", "plum", "quince"]


def test_sorted():
    assert Path("/app/sorted.txt").read_text().splitlines() == WORDS


def test_input_is_untouched():
    assert set(Path("/app/words.txt").read_text().split()) == set(WORDS)
