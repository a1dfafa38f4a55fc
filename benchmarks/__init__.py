"""Measurements behind the claims of the README; each runs alone: `python -m benchmarks.eager`."""
