#!/bin/bash
awk '$3 == 404 && !seen[$2]++ { print $2 }' /app/access.log > /app/missing.txt
