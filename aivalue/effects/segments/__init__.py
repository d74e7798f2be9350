"""Why a level moved: its segments, and their mix held still."""
