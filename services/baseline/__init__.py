"""Keeps definitions, and freezes what a process looked like before the AI."""
