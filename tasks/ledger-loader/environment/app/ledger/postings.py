"""The posting as the database keeps it, and how a row becomes one."""

from datetime import date
from typing import NamedTuple

from ledger.errors import BatchError
from ledger.money import to_minor


class Posting(NamedTuple):
    source: str
    posting_id: str
    account: str
    currency: str
    amount: int  # minor units
    booked_on: str  # ISO date
    memo: str


def parse_row(source, line, row):
    """Build a Posting; BatchError with the line when a field is missing or unreadable."""
    values = {}
    for field in ("posting_id", "account", "currency", "amount", "booked_on"):
        value = (row.get(field) or "").strip()
        if not value:
            raise BatchError(f"{field} is missing", line)
        values[field] = value
    try:
        values["amount"] = to_minor(values["amount"], values["currency"])
        values["booked_on"] = date.fromisoformat(values["booked_on"]).isoformat()
    except ValueError as error:
        raise BatchError(str(error), line) from None
    return Posting(source=source, memo=(row.get("memo") or "").strip(), **values)
