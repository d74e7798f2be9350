"""The `aivalue` command: results on stdout, logs on stderr, exit codes 0, 1 and 2."""
