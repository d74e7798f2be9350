"""Step 4. What the models decided, joined to what came of it."""
