"""`aivalue estimate`: the effect in a user's own table."""
