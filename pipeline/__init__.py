"""The delivery: the pipeline, its settings, steps, gates and notifications."""
