"""Experiments that are looked at while they run: intervals and boundaries that allow it."""
