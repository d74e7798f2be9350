"""From batches to PostgreSQL: one transaction that stores every event once."""
