"""Every SQL statement of the ingest service. The caller owns the transaction."""
