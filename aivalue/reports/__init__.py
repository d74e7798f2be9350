"""Step 7. What people read: summaries, explanations, evidence."""
