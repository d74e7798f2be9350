"""Step 2. What we keep of it: measurements and the statistics that add up."""
