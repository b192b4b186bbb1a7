"""The JSON of a job, as the create and the polls show it, in every shape that has been seen."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from ..jobs.charges import CREDITS_PER_USD
from ..timeline import PENDING_STATUSES, JobStatus

if TYPE_CHECKING:
    from ..jobs.plan import JobPlan

__all__ = ["create_body", "plain_body", "poll_body", "status_word", "video_path"]

FAILURE = {
    "name": "GenerationFailed",
    "message": "The generation failed. Nothing was charged; you can try again.",
}
OTHER_SCRIPTS = "La génération a échoué — 生成失败, не удалось, فشل الإنشاء 🎬"
SIGNS = """It's 100% "{nothing}": can't read https://example.com/a%20cat.png"""
"""Signs that mean something to formats, templates, SQL and shells."""
LONG = "The input was data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 4_000
SUCCEEDED, URL_LIST, GENERATION_ID, FILE_DETAILS = "succeeded", "url-list", "generation-id", "file-details"
"""How the answers of some models differ: the word for completed, a list of URLs in place of a video, the id
under a second name in the create, and what is told of the file. Their documents say so (`x-variant`)."""
WITHOUT_USAGE = frozenset({"no-usage", "absent"})
USAGE_OF_POLLS = frozenset({"poll-usage", "tokens-used"})
EXTRA = {"note": "an undocumented field", "nested": {"list": [1, 2.5, None]}}
SIGNATURE = (
    "sQ3x%2Bv~7w==&x-kcdn-pid=112781&reg=eu+1&ksTime=6996dc99&path=%2Fbs2%2Fvideo&token="
    + "Zm9vYmFy" * 24
    + "=="
)


def status_word(plan: JobPlan, status: JobStatus) -> str | None:
    """The word that an answer has for a status; None where it has none."""
    scenario = plan.scenario
    if "no-status" in scenario.shapes and status in PENDING_STATUSES:
        return None
    word = scenario.words.of(status)
    return SUCCEEDED if word == "completed" and SUCCEEDED in plan.answers else word


def create_body(
    plan: JobPlan, expires_at: float | None, status: JobStatus, origin: str, other_origin: str
) -> dict[str, Any]:
    """The create's answer: the poll's, with the usage that only the create carries."""
    body = _body(plan, expires_at, status, origin, other_origin, shows_usage=True)
    if GENERATION_ID in plan.answers:
        body[GENERATION_ID.replace("-", "_")] = plan.id
    return body


def poll_body(
    plan: JobPlan, expires_at: float | None, status: JobStatus, origin: str, other_origin: str
) -> dict[str, Any]:
    """What a poll answers about a job in this status."""
    shows_usage = not plan.scenario.shapes.isdisjoint(USAGE_OF_POLLS)
    return _body(plan, expires_at, status, origin, other_origin, shows_usage=shows_usage)


def video_path(plan: JobPlan) -> str:
    """The path of a job's video: the id as base64, so that any id makes a plain path."""
    token = urlsafe_b64encode(plan.id.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    return f"/media/{token}/{plan.clip}"


def _body(
    plan: JobPlan,
    expires_at: float | None,
    status: JobStatus,
    origin: str,
    other_origin: str,
    *,
    shows_usage: bool,
) -> dict[str, Any]:
    shapes = plan.scenario.shapes
    body: dict[str, Any] = {"id": plan.id}
    word = status_word(plan, status)
    if word is not None:
        body["status"] = word
    if "nulls" in shapes:
        body |= {"video": None, "error": None, "meta": None}
    if status == "completed":
        body["video"] = _video(plan, expires_at, origin, other_origin)
    elif status == "error":
        body["error"] = _error(plan)
    if shows_usage and shapes.isdisjoint(WITHOUT_USAGE):
        usage = _usage(plan)
        if usage is not None:
            body["meta"] = {"usage": usage}
    if "extra-fields" in shapes:
        _add_extras(body)
        body["created_at"] = int(plan.made_at)
    if "other-scripts" in shapes:
        body["note"] = OTHER_SCRIPTS
    if "long" in shapes:
        body["note"] = LONG
    return _decoys(other_origin) | body if "decoys" in shapes else body


def _decoys(origin: str) -> dict[str, Any]:
    """Keys by which other services name what is `id`, `status` and `video.url` here: they lead nowhere."""
    url = f"{origin}/media/decoy/another.mp4"
    keys = {"generation_id": "another-job", "request_id": "a-request", "url": url, "output": [url]}
    return {**keys, "progress": 100}


def _add_extras(body: dict[str, Any]) -> None:
    """Put an unknown key into an object and into every one within it."""
    for value in list(body.values()):
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                _add_extras(inner)
    body["extra"] = EXTRA


def _video(plan: JobPlan, expires_at: float | None, origin: str, other_origin: str) -> Any:
    shapes = plan.scenario.shapes
    if "null-video" in shapes:
        return None
    if "without-url" in shapes:
        return {}
    if "signed-url" in shapes:
        url = f"{other_origin}{video_path(plan)}?Signature={SIGNATURE}"
        if expires_at is not None:
            url += f"&Expires={int(expires_at)}"
    else:
        url = origin + video_path(plan)
    if URL_LIST in plan.answers:
        return [url]
    video: dict[str, Any] = {"url": url}
    if FILE_DETAILS in shapes or FILE_DETAILS in plan.answers:
        from ..media import clip_file

        size = clip_file(plan.clip).stat().st_size
        video |= {"content_type": "video/mp4", "file_name": plan.clip, "file_size": size}
    return video


def _error(plan: JobPlan) -> Any:
    match plan.scenario.error:
        case "detail":
            detail = {
                "loc": ["body", "image_url"],
                "msg": "Could not detect face in the image",
                "type": "face_detection_error",
                "input": plan.image_url,
            }
            return {"detail": [detail]}
        case "string":
            return FAILURE["message"]
        case "null":
            return None
        case "no-message":
            return {"name": FAILURE["name"]}
        case "other-scripts":
            return {"name": FAILURE["name"], "message": OTHER_SCRIPTS}
        case "signs":
            return {"name": FAILURE["name"], "message": SIGNS}
    return dict(FAILURE)


def _usage(plan: JobPlan) -> dict[str, Any] | None:
    shapes = plan.scenario.shapes
    credits = plan.credits
    if "tokens-used" in shapes:
        return {"tokens_used": 1_050_000 if credits is None else credits}
    if credits is None:
        return {"credits_used": 1_050_000} if "poll-usage" in shapes else None
    return {"credits_used": credits, "usd_spent": credits / CREDITS_PER_USD}


def plain_body(plan: JobPlan, status: JobStatus) -> bytes:
    """The body of a pending job, made without a dictionary: most answers are this one."""
    words = plan.scenario.words
    # A status needs no escapes; a word of one's own may.
    word = encode_basestring(words.of(status)) if words else f'"{status}"'
    shown = encode_basestring(plan.id).encode("utf-8", "surrogatepass")
    return b'{"id":%b,"status":%b}' % (shown, word.encode("utf-8", "surrogatepass"))
