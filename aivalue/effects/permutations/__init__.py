"""Inference from who was treated, or when, as the only thing that was random."""
