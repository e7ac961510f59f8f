#!/bin/bash
# Runs the tests of one milestone and writes the reward: 1 or 0, or nothing when the verifier itself broke.
cd / || exit 1
timeout -k 5 200 python3 -I -m pytest -q --noconftest -c /dev/null --rootdir=/tests -p no:cacheprovider \
    --junitxml=/logs/verifier/junit.xml /tests
status=$?
# nothing that the tested code started may outlive the verdict
setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs sh -c 'kill -KILL -1' 2>/dev/null
case $status in
0) echo 1 >/logs/verifier/reward.txt ;;
1) echo 0 >/logs/verifier/reward.txt ;;
esac
exit "$status"
