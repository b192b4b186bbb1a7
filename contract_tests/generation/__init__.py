"""Payloads and server behaviour, generated: valid, at the boundaries, just beyond them."""

__all__: list[str] = []
