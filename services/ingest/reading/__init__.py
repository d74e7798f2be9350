"""From Kafka's log to batches: who reads which partition, from where, and whether it moves."""
