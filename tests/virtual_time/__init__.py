"""Random programs that wait, and when each of their waits is right to end."""
