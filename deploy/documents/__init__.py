"""Pages that are written from the code: the HTTP API, the events, the settings."""
