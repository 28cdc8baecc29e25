"""The delivery: where a change comes from, what it passes, and in which order it reaches the environments."""
