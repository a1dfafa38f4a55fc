"""Looking at a computation from outside: anomalies, reads of numbers, and lines of the user's source."""
