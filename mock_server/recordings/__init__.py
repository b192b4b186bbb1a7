"""Recordings of any tool as HAR 1.2: read as a stream, and judged on both sides."""

__all__: list[str] = []
