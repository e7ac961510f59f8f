#!/bin/bash
cd /
python3 -I -m pytest -q --noconftest -c /dev/null --rootdir=/tests -p no:cacheprovider \
    --junitxml=/logs/verifier/junit.xml /tests/test_totals.py
status=$?
case "$status" in
    0) echo 1 > /logs/verifier/reward.txt ;;
    1) echo 0 > /logs/verifier/reward.txt ;;
    *) echo "the tests did not run to an end: pytest status $status" >&2 ;;
esac
exit "$status"
