"""Turns baseline and actual into effects, and effects into money."""
