"""Training: the loop, its steps as graphs or compiled programs, and what is kept of it."""
