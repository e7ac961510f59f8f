#!/bin/bash
set -euo pipefail
cat > /app/tally.sh <<'SCRIPT'
#!/bin/bash
# Counts the words of a text file, most frequent first.
set -euo pipefail
tr -cs 'A-Za-z' '\n' < "$1" | tr 'A-Z' 'a-z' | sed '/^$/d' | LC_ALL=C sort | uniq -c | sed 's/^ *//' | LC_ALL=C sort -k1,1nr -k2,2
SCRIPT
