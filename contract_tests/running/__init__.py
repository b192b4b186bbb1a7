"""A verification from its plan to its results: search, shrinking, events, expected failures."""

__all__: list[str] = []
