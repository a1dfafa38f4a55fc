"""Programs that show what the library does; each runs alone: `python -m demos.dosage`."""
