"""Step 8. What is booked: postings, periods and the chain that seals them."""
