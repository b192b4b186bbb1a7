"""The control API under `/_mock/`, for tests and people, and its page."""
