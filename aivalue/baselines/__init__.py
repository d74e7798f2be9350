"""Step 3. Before: the window, its coverage, and the frozen, hashed baseline."""
