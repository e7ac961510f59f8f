import csv
import json
from collections import Counter
from pathlib import Path

ORDERS = Path("/app/orders.csv")
TOTALS = Path("/app/totals.json")


def orders():
    with ORDERS.open(newline="") as file:
        return list(csv.DictReader(file))


def totals():
    return json.loads(TOTALS.read_text())


def test_customers():
    expected = Counter()
    for order in orders():
        if order["state"] == "paid":
            expected[order["customer"]] += int(order["cents"])
    assert totals()["customers"] == dict(expected)


def test_skipped():
    assert totals()["skipped"] == sum(order["state"] != "paid" for order in orders())


def test_nothing_else():
    assert set(totals()) == {"customers", "skipped"}
