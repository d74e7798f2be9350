"""Reads business and model events, keeps each one exactly once, publishes what changed."""
