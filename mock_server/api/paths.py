"""The paths of the API: which create and poll jobs, by which vendor's name, and which list models."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CREATE_PATHS", "FAMILIES", "GENERATIONS", "MODEL_LISTS", "CreatePath"]


class CreatePath(NamedTuple):
    """A path that makes jobs: the vendor of an older path, None for those of all vendors."""

    vendor: str | None = None

    @property
    def success(self) -> int:
        """The documented status of a create that is accepted."""
        return 200 if self.vendor is None else 201


CREATE_PATHS = ("/v2/video/generations", "/v1/video/generations", "/video/generations")
FAMILIES = ("kling", "alibaba", "bytedance", "google", "minimax", "pixverse", "runway")
"""The vendors whose models have an older path of their own."""
GENERATIONS: dict[str, CreatePath] = {path: CreatePath() for path in CREATE_PATHS} | {
    f"/v2/generate/video/{family}/generation": CreatePath(family) for family in FAMILIES
}
"""Every path of creates and polls, with the vendor of the older ones."""
MODEL_LISTS = ("/v1/models", "/models")
