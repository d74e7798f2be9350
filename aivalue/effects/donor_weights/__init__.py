"""Weights of donors: not negative, summing to one, and how far they may move."""
