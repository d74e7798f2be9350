"""HTTP surface of attribution, one module per resource."""
