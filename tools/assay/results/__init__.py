"""Numbers computed from annotations and trials: rankings, agreement, calibration, intervals."""
