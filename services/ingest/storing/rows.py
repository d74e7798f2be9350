"""Rows of keys, and runs, of a stretch: compiled where set-up found a C compiler."""

try:
    from services.ingest.storing.packing import key_rows, runs
except ImportError:
    # The same rows and runs, in twice the time.
    from services.ingest.storing.plain_rows import key_rows, runs

    IS_COMPILED = False
else:
    IS_COMPILED = True

__all__ = ["IS_COMPILED", "key_rows", "runs"]
