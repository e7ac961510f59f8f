import pytest

from ledger.money import to_minor, to_text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.50", "EUR", 1250), ("-0.05", "USD", -5), ("48000", "JPY", 48000), ("2.125", "KWD", 2125), ("7", "EUR", 700)],
)
def test_round_trip(text, currency, minor):
    assert to_minor(text, currency) == minor
    assert to_minor(to_text(minor, currency), currency) == minor


@pytest.mark.parametrize(("text", "currency"), [("12.505", "EUR"), ("1.5", "JPY"), ("twelve", "EUR"), ("1", "XXX")])
def test_refused(text, currency):
    with pytest.raises(ValueError):
        to_minor(text, currency)
