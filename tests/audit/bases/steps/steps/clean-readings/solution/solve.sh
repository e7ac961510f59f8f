#!/bin/bash
set -e
awk -F, 'NR == 1 || ($2 ~ /^[0-9.]+$/ && !seen[$1]++)' /app/readings.csv > /app/clean.csv
