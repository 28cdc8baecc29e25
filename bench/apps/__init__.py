"""What is timed: each module is a program of its own, so that a run starts from nothing."""
