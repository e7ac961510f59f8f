#!/bin/bash
set -euo pipefail
cat > /app/tally.sh <<'SCRIPT'
#!/bin/bash
# Counts the words of a text file, most frequent first; --skip LIST leaves out the words that LIST names.
set -euo pipefail
list=/dev/null
if [ "${1:-}" = --skip ]; then
    list=$2
    shift 2
fi
for file in "$list" "$1"; do
    if [ ! -e "$file" ]; then
        echo "no such file: $file" >&2
        exit 2
    fi
done

words() { tr -cs 'A-Za-z' '\n' < "$1" | tr 'A-Z' 'a-z' | sed '/^$/d' | LC_ALL=C sort; }

# join compares whole lines, so "a" in the list leaves "at" alone.
LC_ALL=C join -v 1 <(words "$1") <(words "$list" | uniq) | uniq -c | sed 's/^ *//' | LC_ALL=C sort -k1,1nr -k2,2
SCRIPT
