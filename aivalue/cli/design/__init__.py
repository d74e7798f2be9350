"""`aivalue design`: plan a trial before it is run."""
