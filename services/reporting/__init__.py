"""Serves the latest snapshot as Prometheus metrics and JSON summaries."""
