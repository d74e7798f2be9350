"""`aivalue events`: a business's own files and tables, checked line by line and sent as events."""
