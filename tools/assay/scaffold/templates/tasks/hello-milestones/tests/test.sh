#!/bin/bash
# Runs the milestone's cases and writes the reward: once, last, and only when every case was really run.
# The verdict is formed here, as root. The script under test runs as nobody, in a folder of its own.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
work=$(mktemp -d)
chmod 755 "$work"
results=()
failures=0

tally() { # runs the script under test; leaves $work/out, $work/err and $status
    (cd "$work/texts" && timeout -k 2 5 setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
        env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 bash /app/tally.sh "$@" </dev/null >"$work/out" 2>"$work/err")
    status=$?
    # Whatever it left running must not live on: a signal from nobody to everything that is nobody's.
    setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'kill -KILL -1' 2>/dev/null
}

verdict() { # name, passed or failed
    echo "$2 $1"
    results+=("{\"name\": \"$1\", \"status\": \"$2\", \"duration\": 0}")
    if [ "$2" = failed ]; then
        failures=$((failures + 1))
        printf 'exit status %s, standard output:\n%s\nstandard error:\n%s\n' \
            "$status" "$(head -c 2000 "$work/out")" "$(head -c 2000 "$work/err")"
    fi
}

prints() { # name, expected output; the exit status must be 0
    if [ "$status" = 0 ] && printf '%s' "$2" | cmp -s - "$work/out"; then verdict "$1" passed; else verdict "$1" failed; fi
}

refuses() { # name, path that the message must contain; the exit status must be 2
    if [ "$status" = 2 ] && ! [ -s "$work/out" ] && grep -qF -- "$2" "$work/err"; then
        verdict "$1" passed
    else
        verdict "$1" failed
    fi
}

mkdir "$work/texts"
printf 'The dog saw the other dog. THE END\n' >"$work/texts/dogs.txt"
printf 'pear fig apple\nfig-apple-pear; at a hat\n' >"$work/texts/ties.txt"
printf '123 -- !\n' >"$work/texts/none.txt"
# shellcheck source=/dev/null
. /tests/cases.sh

count=${#results[@]}
[ "$count" -gt 0 ] || exit 1
list=$(IFS=,; echo "${results[*]}")
cat >/logs/verifier/ctrf.json <<JSON
{"reportFormat": "CTRF", "specVersion": "0.0.0", "results": {"tool": {"name": "bash"},
"summary": {"tests": $count, "passed": $((count - failures)), "failed": $failures, "pending": 0, "skipped": 0,
"other": 0, "start": 0, "stop": 0}, "tests": [$list]}}
JSON
if [ "$failures" = 0 ]; then echo 1; else echo 0; fi >/logs/verifier/reward.txt
