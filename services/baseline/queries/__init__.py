"""Every SQL statement of the service, one module per thing that is stored."""
