"""`aivalue demo`: real events in, a table a CFO can read out, nothing in between left out."""
