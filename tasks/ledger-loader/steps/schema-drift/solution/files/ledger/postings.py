"""The posting as the database keeps it, and how a row becomes one."""

from decimal import Decimal
from typing import Any, NamedTuple

from ledger import values
from ledger.errors import BatchError
from ledger.money import exponent


class Posting(NamedTuple):
    source: str
    posting_id: str
    account: str
    currency: str
    amount: int  # minor units
    booked_on: str  # ISO date
    memo: str
    extra: dict[str, Any]  # columns that are no field, by compared name


def parse_row(source, line, row, columns):
    """Build a Posting; BatchError with the line when a field is missing or unreadable."""
    cells, extra = {}, {}
    for name, field, form in columns.assign(row, line):
        if field is not None:
            cells[field] = row[name]
        elif row[name] is not None and row[name] != "":
            extra[form] = _plain(row[name])
    try:
        return _build(source, cells, extra)
    except (ValueError, OverflowError) as error:
        raise BatchError(str(error), line) from None


def _build(source, cells, extra):
    found = {field: values.identifier(cells[field]) for field in ("posting_id", "account", "currency")}
    for field, value in found.items():
        if not value:
            raise ValueError(f"{field} is missing")
    exponent(found["currency"])
    if not values.text_of(cells["booked_on"]):
        raise ValueError("booked_on is missing")
    return Posting(
        source=source,
        amount=values.amount(cells.get("amount"), cells.get("amount_minor"), found["currency"]),
        booked_on=values.booking_day(cells["booked_on"]),
        memo=values.text_of(cells.get("memo")),
        extra=extra,
        **found,
    )


def _plain(value):
    """JSON numbers are read as Decimal for the sake of amounts; other columns may be printed as floats."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
