"""One model of the API, as its document describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import SpecError

__all__ = [
    "CREATE_PATH",
    "CURRENT_PATHS",
    "MODEL_TYPE",
    "USUAL_RATIO",
    "USUAL_SECONDS",
    "Variant",
    "sound_of",
    "variant_of",
]

MODEL_TYPE = "internal/video-generations/submit"
"""The type of a video model in the provider's catalogue, and the endpoint of its document."""
CREATE_PATH = "/v2/video/generations"
"""Where every variant is created and polled."""
CURRENT_PATHS = (CREATE_PATH, "/v1/video/generations", "/video/generations")
"""That path and its other names; any other path of a document is the older one of a family of models."""

USUAL_SECONDS = 5
"""How long a clip is where neither the body nor the variant says."""
USUAL_RATIO = "16:9"
RATIO_FIELDS = ("aspect_ratio", "ratio", "frame_size")
"""The fields that say what shape a clip has."""
SOUND_FIELDS = re.compile(r"(generate|keep)_audio\w*")


class Variant(NamedTuple):
    """One model of the API: a row of `kling-mock specs list`."""

    model: str
    """The id that a body names."""
    aliases: tuple[str, ...]
    """Further ids that mean the same model."""
    vendor: str
    file: str
    """Its document: a vendored one relative to the folder of all of them, a user's own as it was found."""
    updated: str
    """Date of the facts, `YYYY-MM-DD`."""
    paths: tuple[str, ...]
    required: tuple[str, ...]
    """The fields that a create must have."""
    older_path: str
    """The older path for which it has a contract of its own; empty where there is none."""
    sound: str
    """What decides on sound: `always`, `never`, or the field that does, such as `generate_audio`."""
    sound_default: bool
    """Whether there is sound where that field is left out."""
    seconds: int = USUAL_SECONDS
    """How long a clip is where the body does not say."""
    ratio: str = USUAL_RATIO
    """What shape it then has."""
    answers: tuple[str, ...] = ()
    """How its answers differ from those of the others: shapes of `api.job_json`."""

    @property
    def legacy(self) -> bool:
        """Whether an older path has a contract of its own."""
        return bool(self.older_path)

    def row(self) -> dict[str, Any]:
        """The row that `specs list --json` prints."""
        return {
            "model": self.model,
            "vendor": self.vendor,
            "file": self.file,
            "paths": list(self.paths),
            "required": list(self.required),
            "updated": self.updated,
        }

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        values = self._asdict()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Variant:
        """The variant of such values."""
        values: Any = {
            name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
        }
        return cls(**values)


def variant_of(file: str, document: Mapping[str, Any]) -> Variant:
    """The variant that a document describes, by its `x-variant` and its create body."""
    try:
        about = document["x-variant"]
        body = document["components"]["schemas"]["Create"]
        return Variant(
            model=about["model"],
            aliases=tuple(about["aliases"]),
            vendor=about["vendor"],
            file=file,
            updated=about["updated"],
            paths=tuple(document["paths"]),
            required=tuple(body["required"]),
            older_path=next((path for path in document["paths"] if path not in CURRENT_PATHS), ""),
            sound=about["sound"],
            sound_default=about["sound_default"],
            seconds=_usual_seconds(body.get("properties", {})),
            ratio=_usual_ratio(body.get("properties", {})),
            answers=tuple(about.get("answers", ())),
        )
    except KeyError as error:
        raise SpecError(f"{file} lacks {error}, which every vendored document has.") from error


def sound_of(fields: Mapping[str, Any]) -> tuple[str, bool]:
    """What decides on sound by the fields of a body alone, and whether there is any by default."""
    for name, field in fields.items():
        if SOUND_FIELDS.fullmatch(name):
            return name, bool(isinstance(field, Mapping) and field.get("default", False))
    return "never", False


def _usual_seconds(fields: Mapping[str, Any]) -> int:
    field = fields.get("duration", {})
    wish = field.get("default")
    if isinstance(wish, int | float) and not isinstance(wish, bool):
        return round(wish)
    lengths = [one for one in field.get("enum", ()) if type(one) is int]
    return lengths[0] if lengths and USUAL_SECONDS not in lengths else USUAL_SECONDS


def _usual_ratio(fields: Mapping[str, Any]) -> str:
    wishes = (fields.get(name, {}).get("default") for name in RATIO_FIELDS)
    return next((wish for wish in wishes if isinstance(wish, str) and wish[:1].isdigit()), USUAL_RATIO)
