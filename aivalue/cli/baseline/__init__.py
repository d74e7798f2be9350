"""`aivalue baseline`: the process before the AI, from the first look at a history to its drift."""
