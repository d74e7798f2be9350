"""Step 2. What is measured and aimed for: definitions, targets, series."""
