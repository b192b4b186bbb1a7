"""What is known of a variant beyond its contract: times, prices, pixels, sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["DEFAULT_CLIP_SECONDS", "Facts", "Output", "Timing", "facts_from"]

DEFAULT_CLIP_SECONDS = 5
"""How long a clip is where neither the body nor its variant says."""
QUEUED_SHARE = 0.04
"""The part of a documented generation time that a job is queued: one poll in the documented listings."""


class Timing(NamedTuple):
    """A time that a whole job took; `clip_seconds` is None where the clip's length is not known."""

    clip_seconds: float | None
    seconds: float


class Output(NamedTuple):
    """A finished clip as it was seen: its pixels, whether it has sound, what set its shape."""

    width: int
    height: int
    sound: bool | None
    aspect_ratio: str | None
    from_image: bool


class Facts(NamedTuple):
    """The facts of one variant, documented or derived from its nearest relatives."""

    model: str
    timings: tuple[Timing, ...]
    documented: bool
    """Whether the times are documented for this very model."""
    derived_from: str | None
    """How the times were derived where they are not documented."""
    output: tuple[Output, ...]
    prices: tuple[tuple[float | None, int], ...]
    """Pairs of a clip's seconds (None if unknown) and the credits that it cost."""
    sound: str
    """`always`, `never`, or the boolean field that decides: `generate_audio`, `keep_audio`."""
    sound_default: bool
    """Whether there is sound where that field is left out."""

    def seconds_for(self, clip_seconds: float | None = None) -> float:
        """Seconds that a whole job takes for a clip of this length.

        A documented length gives its documented time. Where one length is known, the time grows with the
        clip; between and beyond several, the nearest one is scaled. Times without a length hold for all.
        """
        wanted = DEFAULT_CLIP_SECONDS if clip_seconds is None else clip_seconds
        known = [(t.clip_seconds, t.seconds) for t in self.timings if t.clip_seconds is not None]
        if not known:
            return self.timings[0].seconds
        length, seconds = min(known, key=lambda pair: (abs(pair[0] - wanted), pair[0]))
        return seconds if length == wanted else seconds * wanted / length

    def spans_for(self, clip_seconds: float | None = None) -> tuple[float, float]:
        """The seconds of `seconds_for` in which the job is queued, and those in which it generates."""
        whole = self.seconds_for(clip_seconds)
        return whole * QUEUED_SHARE, whole * (1 - QUEUED_SHARE)

    def credits_for(self, clip_seconds: float | None = None) -> int | None:
        """Credits that a clip of this length costs, or None where no price is documented."""
        if not self.prices:
            return None
        wanted = DEFAULT_CLIP_SECONDS if clip_seconds is None else clip_seconds
        length, credits = min(self.prices, key=lambda pair: abs((pair[0] or wanted) - wanted))
        return credits if length is None else round(credits * wanted / length)

    def sound_for(self, body: Mapping[str, Any]) -> bool:
        """Whether the clip that this body asks for has sound."""
        if self.sound in ("always", "never"):
            return self.sound == "always"
        wish = body.get(self.sound)
        return wish if isinstance(wish, bool) else self.sound_default


def facts_from(model: str, sound: str, sound_default: bool, row: Mapping[str, Any]) -> Facts:
    """The facts of a model from its row of the vendored facts file."""
    return Facts(
        model=model,
        timings=tuple(Timing(entry["clip_seconds"], entry["seconds"]) for entry in row["generation_seconds"]),
        documented=row["documented"],
        derived_from=row.get("derived_from"),
        output=tuple(
            Output(seen["width"], seen["height"], seen["sound"], seen["aspect_ratio"], seen["from_image"])
            for seen in row["output"]
        ),
        prices=tuple((entry["clip_seconds"], entry["credits"]) for entry in row["usage"]),
        sound=sound,
        sound_default=sound_default,
    )
