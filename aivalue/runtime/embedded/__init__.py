"""Real servers from wheels, for trying out and for tests: PostgreSQL and a Kafka-protocol broker.

They listen on free ports of 127.0.0.1, end with their parent even when it is killed, and leave
nothing behind unless they were given a directory to keep.
"""
