"""What clients can do to a server: its bounds, and a fuzzer and a soak that look for what has none."""
