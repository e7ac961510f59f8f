#!/bin/sh
# usage: test_cli.sh JOBRUN
set -eu
jobrun=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "tests/test_cli.sh: $*" >&2
	exit 1
}

"$jobrun" -w 1 samples/small.jobs >"$dir/out" 2>"$dir/err" || fail "small.jobs: status $?"
sort "$dir/out" >"$dir/sorted"
printf '%s\n' 'hello ok attempts=1 status=0' 'jobs=2 ok=2 failed=0' 'world ok attempts=1 status=0' >"$dir/want"
cmp -s "$dir/sorted" "$dir/want" || fail "small.jobs: unexpected report: $(cat "$dir/out")"

status=0
printf 'a 1 1 true\nb 1 oops true\n' | "$jobrun" -w 1 - >"$dir/out" 2>"$dir/err" || status=$?
[ "$status" = 2 ] || fail "bad line: status $status"
grep -q 'line 2: attempts must be' "$dir/err" || fail "bad line: no message"

status=0
"$jobrun" -w 0 samples/small.jobs 2>/dev/null || status=$?
[ "$status" = 2 ] || fail "bad option: status $status"
echo "ok tests/test_cli.sh"
