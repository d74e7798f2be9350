"""Step 9. What people read: summaries, explanations, evidence."""
