"""What runs the system in production, and the two generators of its files."""
