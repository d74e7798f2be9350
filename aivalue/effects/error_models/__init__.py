"""How surprises go together: over time, within clusters, in treated units and others."""
