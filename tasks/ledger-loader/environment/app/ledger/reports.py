"""What people read: balances, monthly totals and single postings."""

import csv
import json

from ledger.money import to_text

COLUMNS = {
    "balances": ("account", "currency", "balance", "postings"),
    "monthly": ("month", "account", "currency", "total", "postings"),
    "postings": ("source", "posting_id", "account", "currency", "amount", "booked_on", "memo"),
}


def build(store, name, account=None):
    """Rows of a report as dicts, amounts as decimal text."""
    if name == "balances":
        rows = [_money(row, "balance") for row in store.balances()]
    elif name == "monthly":
        rows = [_money(row, "total") for row in store.monthly()]
    else:
        rows = [_money(row, "amount") for row in store.postings(account)]
    return rows


def _money(row, key):
    values = dict(row)
    values[key] = to_text(values.pop("amount"), values["currency"])
    return values


def write(rows, name, form, out):
    columns = COLUMNS[name]
    if form == "json":
        ordered = [{column: row[column] for column in columns} for row in rows]
        json.dump(ordered, out, indent=2, ensure_ascii=False)
        out.write("\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row[column] for column in columns] for row in rows)
    else:
        _write_table(rows, columns, out)


def _write_table(rows, columns, out):
    table = [[str(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(columns, *table)]
    for cells in [columns, *table]:
        out.write("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() + "\n")
