"""Cells of any type our feeds use -> canonical values. Everything here raises ValueError on what it cannot read."""

import re
from datetime import date, datetime, timezone
from decimal import Decimal

from ledger.money import to_minor

GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
INTEGER = re.compile(r"[+-]?\d{1,19}")
COMPACT_DAY = re.compile(r"\d{8}")
EPOCH = re.compile(r"\d{9,10}")
GERMAN_DAY = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})")


def text_of(value):
    """Text, or a number written out in full; None is empty text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(f"bad value {value!r}")
    return str(value)


def identifier(value):
    if isinstance(value, Decimal):
        raise ValueError(f"bad id {value}")
    return text_of(value)


def amount(major, minor, currency):
    """Minor units from either cell; both must agree when both are filled."""
    major, minor = text_of(major), text_of(minor)
    if not major and not minor:
        raise ValueError("amount is missing")
    found = []
    if major:
        plain = major.replace(",", "") if GROUPED.fullmatch(major) else major
        found.append(to_minor(plain, currency))
    if minor:
        if not INTEGER.fullmatch(minor):
            raise ValueError(f"bad amount_minor {minor!r}")
        found.append(to_minor(minor, currency, scale=0))
    if len(set(found)) > 1:
        raise ValueError(f"amount {major} and amount_minor {minor} differ")
    return found[0]


def booking_day(value):
    """ISO date of a day, a point in time (its UTC day) or seconds since 1970."""
    text = text_of(value)
    if EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(text), timezone.utc).date().isoformat()
    if german := GERMAN_DAY.fullmatch(text):
        day, month, year = map(int, german.groups())
        return date(year, month, day).isoformat()
    if COMPACT_DAY.fullmatch(text) or len(text) == 10:
        return date.fromisoformat(text).isoformat()
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return moment.date().isoformat()
