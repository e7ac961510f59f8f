#!/bin/bash
# The files are whole replacements: column mapping, value types, extra columns.
set -euo pipefail
cp -R /solution/files/. /app/
