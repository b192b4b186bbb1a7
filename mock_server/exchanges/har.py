"""The journal as HAR 1.2, which the developer tools of browsers open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from ..version import __version__
from .exchange import Exchange, timestamp
from .redaction import cookie_names

__all__ = ["har_log"]

NO_ANSWER = {
    "hang": "nothing was answered",
    "reset": "the connection was reset",
    "dropped": "the connection was closed",
    "client-left": "the client left before its request was whole",
}


OWN = (
    "number",
    "kind",
    "job_id",
    "model",
    "scenario",
    "word",
    "state",
    "fault",
    "key_in_url",
    "violations",
    "findings",
)
"""What HAR has no place for."""


def har_log(
    exchanges: Iterable[Exchange], *, prefix: str = "", beside: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A HAR 1.2 document of exchanges, such as a journal or `MockServer.exchanges`.

    `prefix` is where the application is mounted, without a slash at its end: clients asked below it.
    `beside` is what the mock knows of how they came about, for `kling-mock check`.

    Times are virtual. Keys are redacted wherever they stand. Status 0 means that nothing was answered, as in
    browsers. What HAR has no place for (job, scenario, findings) is under `_klingMock`, which tools skip.
    """
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "kling-mock", "version": __version__},
            "pages": [],
            **({} if beside is None else {"_klingMock": dict(beside)}),
            "entries": [_entry(exchange, prefix) for exchange in exchanges],
        }
    }


def _entry(exchange: Exchange, prefix: str) -> dict[str, Any]:
    time = 0.0 if exchange.ended_at is None else max(0.0, exchange.ended_at - exchange.at) * 1000
    shown = exchange.as_dict()
    return {
        "startedDateTime": timestamp(exchange.at),
        "time": time,
        "request": _request(exchange, shown, prefix),
        "response": _response(exchange, shown["response"]),
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
        "_klingMock": {name: shown[name] for name in OWN},
    }


def _request(exchange: Exchange, shown: dict[str, Any], prefix: str) -> dict[str, Any]:
    headers, query = shown["request"]["headers"], shown["query"]
    path = quote(prefix + shown["path"], safe="/%:@!$&'()*+,;=~")
    url = f"http://{headers.get('host', '127.0.0.1')}{path}"
    request: dict[str, Any] = {
        "method": shown["method"],
        "url": f"{url}?{quote(query, safe='=&%+/:;,@!$()*~?')}" if query else url,
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(exchange),
        "headers": _pairs(headers),
        "queryString": [
            {"name": name, "value": value} for name, value in parse_qsl(query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": exchange.body_size,
    }
    if exchange.body_size:
        request["postData"] = {"mimeType": headers.get("content-type", ""), "text": shown["request"]["body"]}
        request["postData"] |= _shortened(len(exchange.body), exchange.body_size)
    return request


def _response(exchange: Exchange, shown: dict[str, Any]) -> dict[str, Any]:
    status = exchange.status or 0
    # Headers of an answer that never went out were made, but no client saw them.
    headers = shown["headers"] if status else {}
    response: dict[str, Any] = {
        "status": status,
        "statusText": _phrase(status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": _content(exchange, shown) if status else {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": exchange.answer_size if status else -1,
    }
    if not status:
        response["_error"] = NO_ANSWER.get(exchange.fault or "", "nothing was answered")
    return response


def _content(exchange: Exchange, shown: dict[str, Any]) -> dict[str, Any]:
    """The body without its compression, which `compression` says the bytes of."""
    sent, size = exchange.answer_size, exchange.content_size
    content: dict[str, Any] = {
        "size": sent if size is None else size,
        "mimeType": shown["headers"].get("content-type", "x-unknown"),
    }
    if size is not None:
        content["compression"] = size - sent
    if exchange.answer_body:
        content["text"] = shown["body"]
        content |= _shortened(len(exchange.answer_body), content["size"])
    if exchange.whole_size is not None:
        content["comment"] = f"broken off after {sent} of {exchange.whole_size} bytes"
    return content


def _cookies(exchange: Exchange) -> list[dict[str, str]]:
    names, hide = cookie_names(exchange.header_values(b"cookie")), exchange.redactor
    return [{"name": hide(name), "value": "…"} for name in names]


def _shortened(kept: int, whole: int) -> dict[str, str]:
    return {"comment": f"the first {kept} of {whole} bytes"} if kept < whole else {}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
