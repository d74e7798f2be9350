"""Did treated units move as the others before the AI, and what if they did not go on to."""
