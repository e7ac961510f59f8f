"""Running a milestone's solution and tests in containers, and what the tests said as a report."""
