"""Step 6. What the effect is worth: decimal money, never binary floats."""
