"""The JSON of a job, as the create and the polls show it, in every shape that has been seen."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from ..jobs.store import CREDITS_PER_USD
from ..jobs.timeline import PENDING_STATUSES, JobStatus

if TYPE_CHECKING:
    from ..jobs.store import Job

__all__ = ["create_body", "plain_body", "poll_body", "video_path"]

FAILURE = {
    "name": "GenerationFailed",
    "message": "The generation failed. Nothing was charged; you can try again.",
}
WITHOUT_USAGE = frozenset({"no-usage", "absent"})
USAGE_OF_POLLS = frozenset({"poll-usage", "tokens-used"})
EXTRA = {"note": "an undocumented field", "nested": {"list": [1, 2.5, None]}}
SIGNATURE = (
    "sQ3x%2Bv~7w==&x-kcdn-pid=112781&ksTime=6996dc99&path=%2Fbs2%2Fvideo&token=" + "Zm9vYmFy" * 24 + "=="
)


def create_body(job: Job, status: JobStatus, origin: str, other_origin: str) -> dict[str, Any]:
    """The create's answer: the poll's, with the usage that only the create carries."""
    return _body(job, status, origin, other_origin, shows_usage=True)


def poll_body(job: Job, status: JobStatus, origin: str, other_origin: str) -> dict[str, Any]:
    """What a poll answers about a job in this status."""
    shows_usage = not job.scenario.shapes.isdisjoint(USAGE_OF_POLLS)
    return _body(job, status, origin, other_origin, shows_usage=shows_usage)


def video_path(job: Job) -> str:
    """The path of a job's video: the id as base64, so that any id makes a plain path."""
    token = urlsafe_b64encode(job.id.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    return f"/media/{token}/{job.clip}"


def _body(
    job: Job, status: JobStatus, origin: str, other_origin: str, *, shows_usage: bool
) -> dict[str, Any]:
    shapes = job.scenario.shapes
    body: dict[str, Any] = {"id": job.id, "status": job.scenario.words.of(status)}
    if "nulls" in shapes:
        body |= {"video": None, "error": None, "meta": None}
    if "no-status" in shapes and status in PENDING_STATUSES:
        del body["status"]
    if status == "completed":
        body["video"] = _video(job, origin, other_origin)
    elif status == "error":
        body["error"] = _error(job)
    if shows_usage and shapes.isdisjoint(WITHOUT_USAGE):
        usage = _usage(job)
        if usage is not None:
            body["meta"] = {"usage": usage}
    if "extra-fields" in shapes:
        _add_extras(body)
        body["created_at"] = int(job.made_at)
    return body


def _add_extras(body: dict[str, Any]) -> None:
    """Put an unknown key into an object and into every one within it."""
    for value in list(body.values()):
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                _add_extras(inner)
    body["extra"] = EXTRA


def _video(job: Job, origin: str, other_origin: str) -> dict[str, Any] | None:
    shapes = job.scenario.shapes
    if "null-video" in shapes:
        return None
    if "without-url" in shapes:
        return {}
    if "signed-url" in shapes:
        url = f"{other_origin}{video_path(job)}?Signature={SIGNATURE}"
        if job.expires_at is not None:
            url += f"&Expires={int(job.expires_at)}"
    else:
        url = origin + video_path(job)
    video: dict[str, Any] = {"url": url}
    if "file-details" in shapes:
        from ..media import clip_file

        size = clip_file(job.clip).stat().st_size
        video |= {"content_type": "video/mp4", "file_name": job.clip, "file_size": size}
    return video


def _error(job: Job) -> Any:
    match job.scenario.error:
        case "detail":
            detail = {
                "loc": ["body", "image_url"],
                "msg": "Could not detect face in the image",
                "type": "face_detection_error",
                "input": job.image_url,
            }
            return {"detail": [detail]}
        case "string":
            return FAILURE["message"]
        case "null":
            return None
        case "no-message":
            return {"name": FAILURE["name"]}
    return dict(FAILURE)


def _usage(job: Job) -> dict[str, Any] | None:
    shapes = job.scenario.shapes
    credits = job.credits
    if "tokens-used" in shapes:
        return {"tokens_used": 1_050_000 if credits is None else credits}
    if credits is None:
        return {"credits_used": 1_050_000} if "poll-usage" in shapes else None
    return {"credits_used": credits, "usd_spent": credits / CREDITS_PER_USD}


def plain_body(job: Job, status: JobStatus) -> bytes:
    """The body of a pending job, made without a dictionary: most answers are this one."""
    words = job.scenario.words
    # A status needs no escapes; a word of one's own may.
    word = encode_basestring(words.of(status)) if words else f'"{status}"'
    shown = encode_basestring(job.id).encode("utf-8", "surrogatepass")
    return b'{"id":%b,"status":%b}' % (shown, word.encode("utf-8", "surrogatepass"))
