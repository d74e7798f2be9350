"""HTTP surface of the service: a route reads, asks one use case, shapes one answer."""
