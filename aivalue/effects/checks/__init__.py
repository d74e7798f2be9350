"""One module per way to doubt an effect; each returns a `CheckResult`."""
