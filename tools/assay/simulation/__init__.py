"""The simulated user: what is said next, decided by a state machine from observable facts."""
