#!/bin/bash
cd /
python3 -I -m pytest -q --noconftest -c /dev/null --rootdir=/tests -p no:cacheprovider \
    --junitxml=/logs/verifier/junit.xml /tests
status=$?
if [ "$status" -eq 0 ]; then
    echo 1 > /logs/verifier/reward.txt
elif [ "$status" -eq 1 ]; then
    echo 0 > /logs/verifier/reward.txt
fi
exit "$status"
