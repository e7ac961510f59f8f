"""Amounts: decimal text on the outside, integer minor units in the database."""

import json
from decimal import Decimal, InvalidOperation, localcontext
from functools import lru_cache
from pathlib import Path

# SQLite integers have 64 bits; 18 digits always fit, and leave room to add up.
MAX_DIGITS = 18

CONFIG = Path(__file__).resolve().parent.parent / "config"


@lru_cache(maxsize=None)
def exponents():
    return json.loads((CONFIG / "currencies.json").read_text(encoding="utf-8"))


def exponent(currency):
    """Number of decimal places of a currency; ValueError for one we do not trade in."""
    try:
        return exponents()[currency]
    except KeyError:
        raise ValueError(f"unknown currency {currency!r}") from None


def to_minor(text, currency, scale=None):
    """`"12.50"`, `"EUR"` -> 1250; `scale` replaces the decimals of the currency. Lost decimals are a ValueError."""
    places = exponent(currency) if scale is None else scale
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"bad amount {text!r}") from None
    if not amount.is_finite():
        raise ValueError(f"bad amount {text!r}")
    if amount.adjusted() + places >= MAX_DIGITS:
        raise ValueError(f"amount {text!r} is too large")
    with localcontext() as context:
        context.prec = max(context.prec, len(amount.as_tuple().digits))  # scaling must not round
        scaled = amount.scaleb(places)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"amount {text!r} has too many decimals for {currency}")
    return int(scaled)


def to_text(minor, currency):
    """1250, `"EUR"` -> `"12.50"`."""
    places = exponent(currency)
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).rjust(places + 1, "0")
    if not places:
        return sign + digits
    return f"{sign}{digits[:-places]}.{digits[-places:]}"
