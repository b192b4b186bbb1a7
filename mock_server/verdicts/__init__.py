"""The verdict on what clients did: what the trace of a workspace breaks, what it made and would have cost."""

__all__: list[str] = []
