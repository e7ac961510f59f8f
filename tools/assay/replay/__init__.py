"""Proofs of tasks by running them, and re-tests of recorded trajectories."""
