"""Definitions to start from: one file per use case, complete, with names to replace."""
