"""Step 6. How much of the change was AI: designs, estimators, checks, grades."""
