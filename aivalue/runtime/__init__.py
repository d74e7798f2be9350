"""How bytes move: Kafka, PostgreSQL, HTTP, telemetry. The only part that does I/O."""
