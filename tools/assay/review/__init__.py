"""The report that a reviewer of a pull request reads: what changed, in words, and what the rules say of it."""
