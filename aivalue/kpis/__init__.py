"""Step 3. What is measured and aimed for: definitions, targets, series."""
