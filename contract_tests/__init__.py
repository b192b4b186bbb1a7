"""Property tests that check a client against the contract."""
