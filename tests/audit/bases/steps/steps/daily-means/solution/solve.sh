#!/bin/bash
set -e
cat > /app/means.py <<'PY'
import csv
import sys
from collections import defaultdict

days = defaultdict(list)
for row in csv.DictReader(sys.stdin):
    days[row["time"][:10]].append(float(row["value"]))
for day, values in sorted(days.items()):
    print(day, f"{sum(values) / len(values):.2f}")
PY
