"""The requests of a recording that are the API's, as exchanges: what the passive checks look at."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any
from urllib.parse import parse_qs, urldefrag, urlsplit

from ..exchanges.exchange import Exchange, Notes, header_lines
from ..timeline import STATUSES
from ..trace_rules.near_paths import nearest_path
from ..trace_rules.reposts import UNANSWERED
from ..validation import Problem
from .har_entry import Wire
from .judged_request import Judge, Judged

__all__ = ["API_HOST", "Reader", "Request"]

API_HOST = "api.aimlapi.com"
MOST_KEPT = 10_000
"""Jobs, and URLs of videos, that are remembered."""
MOST_BODY = 16 * 1024
"""Bytes of a body that are kept; of a longer one its fingerprint is."""
NOT_RECORDED = (b"authorization", b"Bearer [not recorded]")
TOLD = ("status", "id", "video")
"""Members of an answer that the passive checks read."""
CHECKED_HEADERS = (b"authorization", b"content-type", b"x-mock-scenario")


class Request:
    """One request of the API: what was on the wire, the exchange of it, and what its body asks for."""

    __slots__ = ("exchange", "judged", "known", "wire")

    def __init__(self, wire: Wire, exchange: Exchange, judged: Judged | None, *, known: bool) -> None:
        self.wire = wire
        self.exchange = exchange
        self.judged = judged
        self.known = known
        """Whether its job was made in this recording."""


class Reader:
    """Tells the API's requests from others, and knows the jobs that were made."""

    def __init__(self, hosts: tuple[str, ...], judge: Judge) -> None:
        self._hosts = {API_HOST, *(host.lower() for host in hosts)}
        self._judge = judge
        self.models: OrderedDict[str, str] = OrderedDict()
        """The model of each job that was made."""
        self._videos: OrderedDict[str, str] = OrderedDict()
        self.others: dict[str, int] = {}
        """Requests of other hosts, by host."""
        self.authorised = False
        """Whether any request shows an Authorization header: some tools take it out."""
        self.without_body = 0
        """Creates and polls whose bodies the recording does not have."""

    def read(self, wire: Wire, number: int) -> Request | None:
        """The request as an exchange; None where it is nothing of the API's."""
        kind, path = self._place(wire)
        if kind is None or wire.method == "OPTIONS":
            if kind is None:
                self.others[wire.host] = self.others.get(wire.host, 0) + 1
            return None
        self.authorised = self.authorised or any(name == b"authorization" for name, _ in wire.headers)
        judged = self._judge.judge(wire, path) if kind == "create" and wire.own is None else None
        told = _object_in(wire.answer) if wire.whole_size is None else None
        job_id, known = self._job(kind, wire, told)
        named = judged.model if judged else _text((wire.own or {}).get("model"))
        model = named or self.models.get(job_id or "")
        if kind == "create" and job_id is not None and known and model:
            self._remember(self.models, job_id, model)
        if kind in ("create", "poll") and told is not None and job_id is not None:
            self._note_video(told, job_id)
        if kind in ("create", "poll") and wire.status is not None and wire.answer is None:
            self.without_body += 1
        notes = self._notes(wire, judged, told, known=known)
        exchange = _exchange(wire, kind, path, number, job_id, model, told, notes)
        return Request(wire, exchange, judged, known=job_id in self.models)

    def _place(self, wire: Wire) -> tuple[str | None, str]:
        """What a request is, and its path without the prefix of a proxy; None for nobody's."""
        own = wire.own or {}
        if isinstance(own.get("kind"), str):
            self._hosts.add(wire.host)
            return own["kind"], self._api_path(wire.path) or wire.path
        path = self._api_path(wire.path)
        if path is not None:
            self._hosts.add(wire.host)
            return {"POST": "create", "GET": "poll"}.get(wire.method, "other"), path
        if self._video_of(wire) is not None:
            return "video", wire.path
        name = urlsplit(f"//{wire.host}").hostname or ""
        if wire.host in self._hosts or name in self._hosts or nearest_path(wire.path) is not None:
            return "other", wire.path
        return None, wire.path

    def _api_path(self, path: str) -> str | None:
        paths = self._judge.paths
        if path in paths:
            return path
        found = [known for known in paths if path.endswith(known) and known.startswith("/v")]
        return max(found, key=len) if found else None

    def _video_of(self, wire: Wire) -> str | None:
        query = f"?{wire.query.decode('utf-8', 'replace')}" if wire.query else ""
        return self._videos.get(f"{wire.scheme}://{wire.host}{wire.path}{query}")

    def _job(self, kind: str, wire: Wire, told: dict[str, Any] | None) -> tuple[str | None, bool]:
        """The id of a request's job, and whether the server knows it."""
        if wire.own is not None:
            job = wire.own.get("job_id")
            job = job if isinstance(job, str) else None
            made = job is not None and (kind == "create" or wire.own.get("state") is not None)
            return job, made or job in self.models or (kind == "video" and job is not None)
        if kind == "create":
            job = told.get("id") if told else None
            made = wire.status in (200, 201) and isinstance(job, str) and bool(job)
            return (str(job), True) if made else (None, False)
        if kind == "poll":
            asked = _asked(wire.query)
            return asked, asked in self.models or wire.status == 200
        job = self._video_of(wire) if kind == "video" else None
        return job, job is not None

    def _note_video(self, told: dict[str, Any], job_id: str) -> None:
        video = told.get("video")
        url = video.get("url") if isinstance(video, dict) else None
        if isinstance(url, str):
            parts = urlsplit(urldefrag(url)[0])
            query = f"?{parts.query}" if parts.query else ""
            place = f"{parts.scheme}://{parts.netloc.lower()}{parts.path or '/'}{query}"
            self._remember(self._videos, place, job_id)

    @staticmethod
    def _remember(kept: OrderedDict[str, str], key: str, value: str) -> None:
        kept[key] = value
        if len(kept) > MOST_KEPT:
            kept.popitem(last=False)

    def _notes(self, wire: Wire, judged: Judged | None, told: dict[str, Any] | None, *, known: bool) -> Notes:
        if wire.own is not None:
            own = wire.own
            return Notes(
                _text(own.get("scenario")),
                _text(own.get("state")),
                _text(own.get("fault")),
                known,
                _problems(own.get("violations")),
                _problems(own.get("findings")),
                own.get("key_in_url") is True,
            )
        word = told.get("status") if told else None
        state = word if word in STATUSES else None
        violations, findings = (judged.violations, judged.findings) if judged else ((), ())
        # What the server took, it did not refuse: whether it should have is the server's affair.
        refused = wire.status in (400, 413, 415, 422)
        taken = wire.status in (200, 201)
        lost = wire.lost or (wire.status is not None and wire.status >= 500)
        nameless = taken and wire.answer is not None and wire.method == "POST" and not known
        fault = UNANSWERED if lost or nameless else None
        return Notes(None, state, fault, known, violations if refused else (), findings if taken else ())


def _exchange(
    wire: Wire,
    kind: str,
    path: str,
    number: int,
    job_id: str | None,
    model: str | None,
    told: dict[str, Any] | None,
    notes: Notes,
) -> Exchange:
    body = wire.body if wire.body is not None else b""
    size = wire.body_size
    if len(body) > MOST_BODY:
        # Equal bodies have equal fingerprints, and neither is taken for a whole one.
        body = hashlib.sha256(body).digest()
    headers = tuple(header for header in wire.headers if header[0] in CHECKED_HEADERS)
    sees = any(name == b"authorization" for name, _ in headers)
    if kind in ("create", "poll") and not sees and wire.status != 401:
        # It was taken, so there was a key: some tools take it out of what they write.
        headers = (*headers, NOT_RECORDED)
    answer = json.dumps({name: told[name] for name in TOLD if name in told}).encode() if told else b""
    word = told.get("status") if told else None
    return Exchange(
        wire.method,
        path,
        query_string=wire.query,
        raw_headers=headers,
        at=wire.at,
        body=body,
        body_size=size,
        status=wire.status,
        answer_head=header_lines(
            header for header in wire.answer_headers if header[0] in (b"retry-after", b"content-type")
        ),
        answer_body=answer,
        answer_size=len(answer),
        whole_size=wire.whole_size,
        kind=kind,
        job_id=job_id,
        model=model,
        word=word if isinstance(word, str) else None,
        notes=notes,
        number=number,
        ended_at=wire.ended_at,
    )


def _object_in(body: bytes | None) -> dict[str, Any] | None:
    if not body:
        return None
    try:
        value = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _asked(query: bytes) -> str | None:
    values = parse_qs(query.decode("utf-8", "replace"), keep_blank_values=True).get("generation_id", [])
    return values[0] if len(values) == 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _problems(rows: Any) -> tuple[Problem, ...]:
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            found.append(Problem(row["path"], row["expected"], row["received"], row["constraint"]))
        except (KeyError, TypeError):
            continue
    return tuple(found)
