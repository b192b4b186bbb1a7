"""Clients that send something wrong: the body, the route, the headers."""

from __future__ import annotations

import copy
import json
import unicodedata
from typing import Any
from urllib.parse import urljoin

from ..reference import ROUTE, Client
from ..wire import KlingError, Refused
from ..zoo import IMAGE, MASKS, breaks

__all__: list[str] = []

Payload = dict[str, Any]


class Editing(Client):
    """A client that changes the payload before it sends it."""

    def edited(self, payload: Payload) -> Payload:
        raise NotImplementedError

    def body(self, payload: Payload) -> bytes:
        return super().body(self.edited(copy.deepcopy(payload)))


@breaks("A1", IMAGE)
class RenamesImage(Editing):
    """Sends the picture as `image`, as another vendor's API calls it."""

    def edited(self, payload: Payload) -> Payload:
        return {("image" if name == "image_url" else name): value for name, value in payload.items()}


@breaks("A1")
class DurationInMilliseconds(Editing):
    """Sends the duration in milliseconds."""

    def edited(self, payload: Payload) -> Payload:
        if "duration" in payload:
            payload["duration"] *= 1000
        return payload


@breaks("A1")
class GuidanceOfAnotherVendor(Editing):
    """Rescales `cfg_scale` to the 0 to 20 of another vendor."""

    def edited(self, payload: Payload) -> Payload:
        if "cfg_scale" in payload:
            payload["cfg_scale"] *= 20
        return payload


@breaks("A2", MASKS)
class SortsMasks(Editing):
    """Sends masks in an order of its own."""

    def edited(self, payload: Payload) -> Payload:
        masks = sorted(payload.get("dynamic_masks", []), key=str)
        return {**payload, **({"dynamic_masks": masks} if masks else {})}


@breaks("A2")
class ClampsInPlace(Client):
    """Clamps `cfg_scale` in the very dictionary that its caller handed in."""

    def generate(self, payload: Payload) -> str:
        if isinstance(payload.get("cfg_scale"), int | float):
            payload["cfg_scale"] = min(max(payload["cfg_scale"], 0.1), 0.9)
        return super().generate(payload)


@breaks("A2")
class StripsTexts(Editing):
    """Takes the blanks around texts away."""

    def edited(self, payload: Payload) -> Payload:
        return {name: value.strip() if isinstance(value, str) else value for name, value in payload.items()}


@breaks("A2")
class RoundsFractions(Editing):
    """Rounds numbers to two digits."""

    def edited(self, payload: Payload) -> Payload:
        return {
            name: round(value, 2) if isinstance(value, float) else value for name, value in payload.items()
        }


@breaks("A2")
class DropsFalsy(Editing):
    """Sends only fields that are true, so that 0 and an empty text are lost."""

    def edited(self, payload: Payload) -> Payload:
        return {name: value for name, value in payload.items() if value}


@breaks("A2")
class KeepsAwayFromTheEnds(Editing):
    """Keeps `cfg_scale` within 0.1 and 0.9, to be on the safe side."""

    def edited(self, payload: Payload) -> Payload:
        if "cfg_scale" in payload:
            payload["cfg_scale"] = min(max(payload["cfg_scale"], 0.1), 0.9)
        return payload


@breaks("A2", MASKS)
class ThinsTrajectories(Editing):
    """Sends at most 50 points of a trajectory, where 77 are allowed."""

    def edited(self, payload: Payload) -> Payload:
        for mask in payload.get("dynamic_masks") or ():
            mask["trajectories"] = mask["trajectories"][:50]
        return payload


@breaks("A2", MASKS)
class FiveMasks(Editing):
    """Sends at most five masks, where six are allowed."""

    def edited(self, payload: Payload) -> Payload:
        if payload.get("dynamic_masks"):
            payload["dynamic_masks"] = payload["dynamic_masks"][:5]
        return payload


@breaks("A2")
class WholeNumbers(Editing):
    """Reads numbers with `int`, which makes 0 of 0.5."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"cfg_scale": int(payload["cfg_scale"])} if "cfg_scale" in payload else payload


@breaks("A2")
class TidiesPrompts(Editing):
    """Strips spaces around the prompt."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"prompt": payload["prompt"].strip()} if "prompt" in payload else payload


@breaks("A2")
class FillsInDefaults(Editing):
    """Sends a negative prompt of its own where the user gave none."""

    def edited(self, payload: Payload) -> Payload:
        return {"negative_prompt": "blurry, low quality"} | payload


@breaks("A3")
class SendsSeed(Editing):
    """Sends a seed, which no Kling model documents."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"seed": 42}


@breaks("A3")
class WrapsInput(Editing):
    """Sends the prompt a second time inside `input`, for another gateway."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"input": {"prompt": payload.get("prompt", "")}}


@breaks("A3", MASKS)
class NumbersMasks(Editing):
    """Adds an index to each mask."""

    def edited(self, payload: Payload) -> Payload:
        for index, mask in enumerate(payload.get("dynamic_masks") or ()):
            mask["index"] = index
        return payload


@breaks("A4")
class NullsForUnset(Editing):
    """Sends null for everything that was not set, as a dataclass does."""

    def edited(self, payload: Payload) -> Payload:
        names = ("negative_prompt", "cfg_scale", "duration", "aspect_ratio")
        return dict.fromkeys(names) | payload


@breaks("A5")
class DurationAsText(Editing):
    """Sends the duration as the text of a form field."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"duration": str(payload["duration"])} if "duration" in payload else payload


@breaks("A6")
class DoublesSlash(Client):
    """Joins base URL and path with a slash, whatever the base URL ends in."""

    def __init__(self, base_url: str, api_key: str) -> None:
        super().__init__(base_url, api_key)
        self.base_url = base_url


@breaks("A6")
class LosesPrefix(Client):
    """Joins with `urljoin` and a path from the root, which drops a proxy's prefix."""

    def create_url(self) -> str:
        return urljoin(self.base_url, "/v2" + ROUTE)

    def poll_url(self, generation_id: str) -> str:
        return f"{self.create_url()}?generation_id={self.quoted(generation_id)}"


@breaks("A6")
class SingularRoute(Client):
    """Posts to a path that does not exist."""

    def create_url(self) -> str:
        return self.base_url + "/video/generation"


@breaks("A7")
class PollsWithoutKey(Client):
    """Sends the key with the create only."""

    def headers(self, method: str) -> dict[str, str]:
        headers = super().headers(method)
        if method == "GET":
            del headers["Authorization"]
        return headers


@breaks("A7")
class KeyInAddress(Client):
    """Puts the key into the address as well, where every log shows it."""

    def poll_url(self, generation_id: str) -> str:
        return f"{super().poll_url(generation_id)}&api_key={self.api_key}"


@breaks("A7")
class KeyWithoutScheme(Client):
    """Sends the bare key, without `Bearer`."""

    def headers(self, method: str) -> dict[str, str]:
        return super().headers(method) | {"Authorization": self.api_key}


@breaks("A8")
class SaysForm(Client):
    """Sends JSON under the content type of a form."""

    def headers(self, method: str) -> dict[str, str]:
        return super().headers(method) | {"Content-Type": "application/x-www-form-urlencoded"}


@breaks("A8")
class PythonBody(Client):
    """Sends the payload as Python prints it, with single quotes."""

    def body(self, payload: Payload) -> bytes:
        return str(payload).encode()


@breaks("A8")
class CountsCharacters(Client):
    """Says the length in characters instead of bytes, so that the end of the body is cut off."""

    def body(self, payload: Payload) -> bytes:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        return text.encode()[: len(text)]


@breaks("A9")
class ComposesCharacters(Editing):
    """Normalises the prompt, which changes combining marks."""

    def edited(self, payload: Payload) -> Payload:
        if "prompt" in payload:
            payload["prompt"] = unicodedata.normalize("NFKC", payload["prompt"])
        return payload


@breaks("A9")
class LatinOnly(Editing):
    """Drops what Latin-1 does not know: emoji, most scripts."""

    def edited(self, payload: Payload) -> Payload:
        if "prompt" in payload:
            payload["prompt"] = payload["prompt"].encode("latin-1", "ignore").decode("latin-1")
        return payload


@breaks("A9")
class JoinsLines(Editing):
    """Puts the prompt on one line, which also splits at U+2028 and its like."""

    def edited(self, payload: Payload) -> Payload:
        if "prompt" in payload:
            payload["prompt"] = " ".join(payload["prompt"].splitlines())
        return payload


@breaks("A9")
class ShortensPrompts(Editing):
    """Cuts the prompt at 2,000 characters."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"prompt": payload["prompt"][:2000]} if "prompt" in payload else payload


@breaks("A10", IMAGE)
class CutsPictures(Editing):
    """Cuts inline pictures at a million characters."""

    def edited(self, payload: Payload) -> Payload:
        if "image_url" in payload:
            payload["image_url"] = payload["image_url"][:1_000_000]
        return payload


@breaks("A10", IMAGE)
class RefusesBigBodies(Client):
    """Gives up on bodies above five megabytes, which the API takes."""

    def body(self, payload: Payload) -> bytes:
        body = super().body(payload)
        if len(body) > 5_000_000:
            raise KlingError("the picture is too large")
        return body


@breaks("A11")
class ClampsSilently(Editing):
    """Moves numbers into their range without a word."""

    def edited(self, payload: Payload) -> Payload:
        scale = payload.get("cfg_scale")
        if isinstance(scale, int | float):
            payload["cfg_scale"] = min(max(scale, 0), 1)
        return payload


@breaks("A11", MASKS)
class DropsExtraMasks(Editing):
    """Sends the first six of seven masks without a word."""

    def edited(self, payload: Payload) -> Payload:
        masks = payload.get("dynamic_masks")
        if isinstance(masks, list):
            payload["dynamic_masks"] = masks[:6]
        return payload


@breaks("A11")
class SwallowsRefusals(Client):
    """Catches every error and returns an empty text."""

    def generate(self, payload: Payload) -> str:
        try:
            return super().generate(payload)
        except KlingError:
            return ""


@breaks("A11")
class DropsWhatWasRefused(Client):
    """Sends the create again without the optional fields once it was refused."""

    def create(self, payload: Payload) -> Payload:
        try:
            return super().create(payload)
        except Refused:
            return super().create({name: payload[name] for name in ("model", "prompt") if name in payload})


@breaks("A12", "klingai/v2.5-turbo/pro/text-to-video")
class FavouriteModel(Editing):
    """Sends the model that it was written for, whatever was asked for."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"model": "kling-video/v1.6/standard/text-to-video"}


@breaks("A12", "klingai/video-v2-6-pro-image-to-video")
class FieldsOfAnotherVariant(Editing):
    """Sends `cfg_scale` to every model, also to those that have none."""

    def edited(self, payload: Payload) -> Payload:
        return {"cfg_scale": 0.5} | payload


@breaks("A12")
class ShortModelName(Editing):
    """Sends the model's id without its vendor."""

    def edited(self, payload: Payload) -> Payload:
        return payload | {"model": payload["model"].partition("/")[2]}
