"""The HTTP API of the ingest service, one file per thing it speaks of."""
