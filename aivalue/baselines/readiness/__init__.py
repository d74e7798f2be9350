"""Whether a history is good enough to be frozen, and what effect it would let us see."""
