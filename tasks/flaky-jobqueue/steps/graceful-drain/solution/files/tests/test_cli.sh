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
# SIGTERM: the running job ends, the queued one is cancelled, the late one rejected
mkfifo "$dir/jobs"
"$jobrun" -w 1 - <"$dir/jobs" >"$dir/out" 2>"$dir/err" &
pid=$!
exec 3>"$dir/jobs"
echo "running 1 1 touch $dir/begun; while ! test -e $dir/go; do sleep 0.05; done" >&3
echo "queued 0 1 true" >&3
while ! [ -e "$dir/begun" ]; do sleep 0.05; done
sleep 0.2
kill -TERM $pid
sleep 0.2
echo "late 1 1 true" >&3
sleep 0.2
touch "$dir/go"
status=0
wait $pid || status=$?
exec 3>&-
[ "$status" = 3 ] || fail "drain: status $status"
sort "$dir/out" >"$dir/sorted"
printf '%s\n' 'jobs=3 ok=1 failed=0 cancelled=1 rejected=1' 'late rejected attempts=0 status=0' \
	'queued cancelled attempts=0 status=0' 'running ok attempts=1 status=0' >"$dir/want"
cmp -s "$dir/sorted" "$dir/want" || fail "drain: unexpected report: $(cat "$dir/out")"
echo "ok tests/test_cli.sh"
