"""Step 5. How much of the change was AI: designs, estimators, checks, grades."""
