# artifacts are links to the tests and to the reward
for place in "${artifacts[@]}"; do
  if [ -d "$place" ]; then
    ln -sfn /tests "$place/tests.link"
    ln -sfn /logs/verifier "$place/logs.link"
  else
    ln -sfn "/tests/${place##*/}" "$place"
  fi
done
