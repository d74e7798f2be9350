"""What a trial that is still to be run could detect, and what it would take to detect a target."""
