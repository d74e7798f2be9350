"""What stands on Kafka, as documents made from the code that reads it."""
