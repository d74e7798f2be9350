"""Every SQL statement of the attribution service. The caller owns the transaction."""
