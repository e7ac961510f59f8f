"""Which column of a batch is which field; the names come from `config/columns.json`."""

import json
import re

from ledger.errors import BatchError, LedgerError
from ledger.money import CONFIG

DEFAULT = CONFIG / "columns.json"
FIELDS = ("posting_id", "account", "currency", "amount", "amount_minor", "booked_on", "memo")
REQUIRED = ("posting_id", "account", "currency", "booked_on")


def compared_form(name):
    """`" Booking Date"` -> `"booking_date"`."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


class Columns:
    """Column name (in compared form) -> field."""

    def __init__(self, further):
        self._field_of = {}
        for field in FIELDS:
            for name in (field, *further.get(field, ())):
                if self._field_of.setdefault(compared_form(name), field) != field:
                    raise LedgerError(f"columns: {name!r} stands for two fields")

    @classmethod
    def read(cls, path=None):
        path = path or DEFAULT
        try:
            with open(path, encoding="utf-8") as handle:
                further = json.load(handle)
        except (OSError, ValueError) as error:
            raise LedgerError(f"columns: cannot use {path}: {error}") from None
        if not isinstance(further, dict) or not all(isinstance(names, list) for names in further.values()):
            raise LedgerError(f"columns: {path} must map fields to lists of names")
        return cls(further)

    def assign(self, names, line=None):
        """Pair each name with (field, None) or (None, extra name); BatchError when a field is there twice or missing."""
        assigned, seen = [], set()
        for name in names:
            form = compared_form(name)
            field = self._field_of.get(form)
            if (field or form) in seen:
                raise BatchError(f"more than one column for {field or form}", line)
            seen.add(field or form)
            assigned.append((name, field, form))
        missing = [field for field in REQUIRED if field not in seen]
        if not seen & {"amount", "amount_minor"}:
            missing.append("amount")
        if missing:
            raise BatchError(f"no column for {', '.join(missing)}", line)
        return assigned
