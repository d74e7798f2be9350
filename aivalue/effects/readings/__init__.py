"""Material of a run, read by one estimator: the effect, and the doubts that belong to it."""
