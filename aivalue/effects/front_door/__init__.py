"""A user's own table in, an estimate out: design read from the data, no server needed."""
