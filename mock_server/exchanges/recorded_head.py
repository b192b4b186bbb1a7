"""What is recorded of a request's headers: all of them, up to a size."""

from __future__ import annotations

from .exchange import Headers

__all__ = ["MOST_FIELDS", "MOST_RECORDED", "recorded_headers"]

MOST_RECORDED = 8 * 1024
"""Bytes of names and values that are recorded of one request."""
MOST_FIELDS = 128


def recorded_headers(headers: Headers) -> Headers:
    """The headers that are recorded, in their order; where there is too much, the largest are left out."""
    if (
        len(headers) <= MOST_FIELDS
        and sum([len(name) + len(value) for name, value in headers]) <= MOST_RECORDED
    ):
        return headers
    sizes = [len(name) + len(value) for name, value in headers]
    kept, left = set[int](), MOST_RECORDED
    for place in sorted(range(len(sizes)), key=sizes.__getitem__)[:MOST_FIELDS]:
        left -= sizes[place]
        if left < 0:
            break
        kept.add(place)
    return [header for place, header in enumerate(headers) if place in kept]
