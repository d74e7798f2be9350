"""Proves "before": reads series from ingest, keeps definitions and frozen baselines."""
