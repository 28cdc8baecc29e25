"""Benchmark of synthesis, tests, rehearsal and delivery."""
