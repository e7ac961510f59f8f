#!/bin/bash
set -euo pipefail
cp -r /solution/files/. /app/
cd /app
make clean
make
make check
