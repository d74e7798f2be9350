"""Two arms of an experiment: their sums, the comparison of two levels, what can be detected."""
