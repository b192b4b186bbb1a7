"""The journal as HAR 1.2, which the developer tools of browsers open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from mock_server import __version__
from mock_server.journal import Exchange

__all__ = ["har_log"]

NO_ANSWER = {
    "hang": "nothing was answered",
    "reset": "the connection was reset",
    "client-left": "the client left before its request was whole",
}
HIDDEN = "[key]"


def har_log(exchanges: Iterable[Exchange]) -> dict[str, Any]:
    """A HAR 1.2 document of exchanges, such as a journal or `MockServer.exchanges`.

    Times are virtual. Keys are redacted wherever they stand. Status 0 means that nothing was answered, as in
    browsers. What HAR has no place for (job, scenario, findings) is under `_klingMock`, which tools skip.
    """
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "kling-mock", "version": __version__},
            "pages": [],
            "entries": [_entry(exchange) for exchange in exchanges],
        }
    }


def _entry(exchange: Exchange) -> dict[str, Any]:
    time = 0.0 if exchange.ended_at is None else max(0.0, exchange.ended_at - exchange.at) * 1000
    hidden = [value.partition(" ")[2].strip() for value in exchange.header_values(b"authorization")]
    keys = [key for key in hidden if len(key) > 3]
    return {
        "startedDateTime": _iso(exchange.at),
        "time": time,
        "request": _request(exchange, keys),
        "response": _response(exchange, keys),
        "cache": {},
        "timings": {
            "blocked": -1,
            "dns": -1,
            "connect": -1,
            "send": 0,
            "wait": time,
            "receive": 0,
            "ssl": -1,
        },
        "_klingMock": {
            "number": exchange.number,
            "kind": exchange.kind,
            "job": exchange.job_id,
            "model": exchange.model,
            "scenario": exchange.scenario,
            "state": exchange.state,
            "fault": exchange.fault,
            "violations": [problem.as_dict() for problem in exchange.violations],
            "findings": [problem.as_dict() for problem in exchange.findings],
        },
    }


def _request(exchange: Exchange, keys: list[str]) -> dict[str, Any]:
    headers = exchange.headers
    query = _without(keys, exchange.query_string.decode("utf-8", "replace"))
    path = _without(keys, quote(exchange.path, safe="/%:@!$&'()*+,;=~"))
    url = f"http://{headers.get('host', '127.0.0.1')}{path}"
    request: dict[str, Any] = {
        "method": exchange.method,
        "url": f"{url}?{quote(query, safe='=&%+/:;,@!$()*~?')}" if query else url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": [
            {"name": name, "value": value} for name, value in parse_qsl(query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": exchange.body_size,
    }
    if exchange.body_size:
        text = _without(keys, exchange.body.decode("utf-8", "replace"))
        request["postData"] = {"mimeType": headers.get("content-type", ""), "params": [], "text": text}
        request["postData"] |= _shortened(len(exchange.body), exchange.body_size)
    return request


def _response(exchange: Exchange, keys: list[str]) -> dict[str, Any]:
    status = exchange.status or 0
    # Headers of an answer that never went out were made, but no client saw them.
    headers = exchange.answer_header if status else {}
    size = exchange.answer_size if status else 0
    content: dict[str, Any] = {"size": size, "mimeType": headers.get("content-type", "x-unknown")}
    if status and exchange.answer_body:
        content["text"] = _without(keys, exchange.answer_body.decode("utf-8", "replace"))
        content |= _shortened(len(exchange.answer_body), size)
    response = {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": size if status else -1,
    }
    if not status:
        response["_error"] = NO_ANSWER.get(exchange.fault or "", "nothing was answered")
    return response


def _shortened(kept: int, whole: int) -> dict[str, str]:
    return {"comment": f"the first {kept} of {whole} bytes"} if kept < whole else {}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _without(keys: list[str], text: str) -> str:
    for key in keys:
        text = text.replace(key, HIDDEN).replace(quote(key, safe=""), HIDDEN)
    return text


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
