"""Step 4. Before: the window, its coverage, and the frozen, hashed baseline."""
