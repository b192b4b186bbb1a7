"""What the fuzzer says: conversations of one connection, drawn from a seed, and what each may be answered."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from kling_mock.catalog import load_catalog
from kling_mock.scenarios import CATALOGUE

from ..support import PATHS, body_for

__all__ = ["Talk", "Talker"]

ODD_TEXTS = [
    "", "\0", "\ud800", "😀", "a" * 5000, "%00", "\r\nX: y", "http://", "https://" + "b" * 50, "data:,",
    "[mock:", "]", "5", "1e5", "-0", "٣", "null", "NaN", "../../x", "'\"\\", "http://[", " http://x",
    "[mock:failed]",
]  # fmt: skip
ODD_NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**64, 10**300, 0.0, 1e308, 5e-324, 0.1, -1e-9]
ODD_VALUES = [
    b"", b"a", b"a" * 8000, b"\xff\xfe", b"gzip", b"*", b",", b"bytes=0-", b"bytes=-1,-2,0-0", b"Bearer ",
    b"Basic eA==", b"close", b"keep-alive", b"text/plain", b"application/json; charset=utf-16", b"en;q=2",
    b"W/\"x\"", b"Thu, 32 Foo 2026", b"https, http", b"evil.example:99999", b"[::1]:80",
    b"1.2.3.4, 127.0.0.1",
]  # fmt: skip
NAMES = [
    b"Accept-Encoding", b"Range", b"If-Range", b"If-None-Match", b"If-Modified-Since", b"Content-Type",
    b"Authorization", b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"Origin", b"Cookie",
    b"TE", b"Access-Control-Request-Headers", b"Accept", b"Via", b"X-Client-Request-Id", b"Content-Encoding",
    b"Trailer",
]  # fmt: skip
ODD_IDS = ["x", "", "é&=", "%00", "%", "%zz", "a/b", "-" * 21, "0" * 18, "A" * 3000, "+", "..%2f"]
SLOW = ("slow", "hang", "drip", "timeout", "reset", "truncated", "lost")
QUIET = [name for name in CATALOGUE if not any(word in name for word in SLOW)]
CONTROL = [
    "jobs?limit=3",
    "exchanges?limit=2&kind=poll",
    "charges?limit=1",
    "clock",
    "health",
    "scenarios",
    "nope",
]
SMUGGLED = [
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 9\r\n", b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n", b"X: y\r\n z\r\n",
]  # fmt: skip
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@dataclass
class Talk:
    """What is said on one connection, and how many answers it must get."""

    kind: str
    data: bytes
    answers: int = 1
    ids: list[bytes] = field(default_factory=list)
    """The requests' own ids, which their answers repeat: where there are any, the order is looked at."""
    bare: bool = False
    """Whether answers have no body, as those to HEAD."""
    asked: bool = False
    """Whether it asks for errors."""
    sure: bool = True
    """Whether all of it is HTTP: else it may be answered with an end."""
    half: bool = False
    """Whether the client says behind it that it sends no more."""
    pieces: int = 1


class Talker:
    """Draws conversations; the same seed and the same issued ids give the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.issued: list[str] = []
        self._count = 0
        self._seed = seed
        self._bodies = [body_for(variant.model) for variant in load_catalog().variants]
        draw: list[tuple[int, Callable[[], Talk]]] = [
            (30, self._creates), (25, self._polls), (7, self._headers), (6, self._flipped), (4, self._bytes),
            (6, self._media), (6, self._scenario), (5, self._control), (4, self._method), (2, self._old),
            (1, self._expect), (1, self._smuggled), (2, self._cut), (1, self._absolute), (2, self._trailers),
            (1, self._large),
        ]  # fmt: skip
        self._weights = [weight for weight, _ in draw]
        self._kinds = [kind for _, kind in draw]

    def next(self) -> Talk:
        """The next conversation."""
        (kind,) = self.random.choices(self._kinds, self._weights)
        return kind()

    # Parts

    def _request(
        self,
        method: bytes,
        target: bytes,
        body: bytes | None = None,
        more: bytes = b"",
        *,
        version: bytes = b"1.1",
        request_id: bytes = b"",
        chunked: bool = False,
    ) -> bytes:
        lines = b"Host: 127.0.0.1\r\nAuthorization: Bearer fuzzkey-1234567\r\n"
        if request_id:
            lines += b"X-Client-Request-Id: " + request_id + b"\r\n"
        if body is not None:
            lines += b"Content-Type: application/json\r\n"
            if chunked:
                lines += b"Transfer-Encoding: chunked\r\n"
                body = self._chunks(body)
            else:
                lines += b"Content-Length: %d\r\n" % len(body)
        return b"%b %b HTTP/%b\r\n%b%b\r\n%b" % (method, target, version, lines, more, body or b"")

    def _chunks(self, body: bytes) -> bytes:
        written, start = b"", 0
        while start < len(body):
            part = body[start : start + self.random.choice([1, 7, 100, 5000])]
            start += len(part)
            extension = self.random.choice([b"", b";a", b';a="b c"'])
            written += b"%x%b\r\n%b\r\n" % (len(part), extension, part)
        return written + b"0\r\n" + self.random.choice([b"", b"X-T: 1\r\n", b"Host: x\r\n"]) + b"\r\n"

    def _ids(self, most: int) -> list[bytes]:
        count = self.random.randint(1, most)
        self._count += count
        return [b"f%d-%d" % (self._seed, self._count - count + number) for number in range(count)]

    def _path(self) -> bytes:
        return self.random.choice(PATHS).encode()

    def _odd(self, depth: int = 0) -> Any:
        pick = self.random.randint(0, 9)
        if pick < 4:
            return self.random.choice(ODD_TEXTS)
        if pick < 6:
            return self.random.choice(ODD_NUMBERS)
        if pick < 7 or depth > 3:
            return self.random.choice([None, True, False])
        if pick < 8:
            return [self._odd(depth + 1) for _ in range(self.random.randint(0, 4))]
        return {self.random.choice(ODD_TEXTS): self._odd(depth + 1) for _ in range(self.random.randint(0, 4))}

    def _body(self) -> bytes:
        body = dict(self.random.choice(self._bodies))
        for _ in range(self.random.choice([0, 0, 1, 2])):
            name = self.random.choice([*body, "duration", "cfg_scale", "image_url", "dynamic_masks", "extra"])
            if name != "model" or self.random.random() < 0.1:
                body[name] = self._odd()
        text = json.dumps(body, ensure_ascii=self.random.random() < 0.7)
        text = self.random.choice([
            *[text] * 30, text[: self.random.randint(0, len(text))], "\ufeff" + text,
            text.replace('"model"', '"model":"x","model"', 1), text.replace(":", ':NaN,"q":', 1),
            text[:-1] + ',"z":' + "[" * 3000, text[:-1] + ',"z":1e' + "9" * 300 + "}",
            text[:-1] + ',"z":' + "1" * 5000 + "}",
        ])  # fmt: skip
        return text.encode("utf-8", "surrogatepass")

    def _poll_target(self) -> bytes:
        issued = self.issued and self.random.random() < 0.8
        job_id = self.random.choice(self.issued if issued else ODD_IDS)
        name = self.random.choice(
            ["generation_id="] * 4 + ["a=b&generation_id=", "Generation_Id=", "generation_id=1&a="]
        )
        return (
            self._path() + f"?{name}{quote(job_id, safe='%')}{self.random.choice(['', '&', '#f'])}".encode()
        )

    def _lines(self, most: int) -> bytes:
        count = self.random.randint(0, most)
        choice = self.random.choice
        return b"".join([b"%b: %b\r\n" % (choice(NAMES), choice(ODD_VALUES)) for _ in range(count)])

    # Kinds

    def _creates(self) -> Talk:
        ids = self._ids(12)
        data = b"".join([
            self._request(
                b"POST", self._path(), self._body(), UPGRADE if self.random.random() < 0.05 else b"",
                request_id=one, chunked=self.random.random() < 0.2,
            )
            for one in ids
        ])  # fmt: skip
        half = self.random.random() < 0.1
        return Talk("creates", data, len(ids), ids, half=half, pieces=self.random.choice([1, 1, 1, 3, 20]))

    def _polls(self) -> Talk:
        ids = self._ids(30)
        data = b"".join([self._request(b"GET", self._poll_target(), request_id=one) for one in ids])
        half = self.random.random() < 0.1
        return Talk("polls", data, len(ids), ids, half=half, pieces=self.random.choice([1, 1, 1, 3]))

    def _headers(self) -> Talk:
        more = self._lines(4) + b"Connection: close\r\n"
        if self.random.random() < 0.5:
            return Talk("headers", self._request(b"GET", self._poll_target(), None, more))
        return Talk("headers", self._request(b"POST", self._path(), self._body(), more))

    def _flipped(self) -> Talk:
        data = bytearray(self._request(b"POST", self._path(), self._body(), b"Connection: close\r\n"))
        for _ in range(self.random.randint(1, 6)):
            data[self.random.randrange(min(len(data), 400))] = self.random.randrange(256)
        return Talk("flipped", bytes(data), asked=True, sure=False)

    def _bytes(self) -> Talk:
        return Talk("bytes", self.random.randbytes(self.random.randint(1, 3000)), sure=False)

    def _media(self) -> Talk:
        method = self.random.choice([b"GET", b"HEAD"])
        place = self.random.choice(["..", "%2e%2e", "A" * 500, "eA"])
        file = self.random.choice(["16x9-5s.mp4", "1x1-10s-sound.mp4", "../x.mp4", "..%2f..%2fetc%2fpasswd"])
        more = self._lines(2) + b"Connection: close\r\n"
        data = self._request(method, f"/media/{place}/{file}".encode(), None, more)
        return Talk("media", data, bare=method == b"HEAD")

    def _scenario(self) -> Talk:
        option = self.random.choice(
            ["", ";times=1", ";after=1", ";rate=0.5", ";x=1", ";times=-1", "+", "++", "+failed"]
        )
        asked = f"X-Mock-Scenario: {self.random.choice(QUIET)}{option}\r\nConnection: close\r\n".encode()
        data = self._request(b"POST", self._path(), self._body(), asked)
        return Talk("scenario", data, asked=True)

    def _control(self) -> Talk:
        close = b"Connection: close\r\n"
        if self.random.random() < 0.7:
            target = b"/_mock/" + self.random.choice(CONTROL).encode()
            return Talk("control", self._request(b"GET", target, None, close))
        place = self.random.choice(["clock", "scenario", "scenario/next"])
        body = json.dumps(
            {self.random.choice(["advance", "q", "until"]): self.random.choice([-1, "x", None, []])}
        )
        return Talk("control", self._request(b"POST", f"/_mock/{place}".encode(), body.encode(), close))

    def _method(self) -> Talk:
        method = self.random.choice([b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"PROPFIND", b"HEAD"])
        target = self.random.choice(
            [b"*", b"/v1/models", b"/model/x%2fy", self._path(), b"/%", b"/%ff", b"/" + b"a" * 4000]
        )
        more = self._lines(1) + b"Connection: close\r\n"
        data = self._request(method, target, self.random.choice([None, b"{}"]), more)
        return Talk("method", data, bare=method == b"HEAD", sure=target != b"*")

    def _old(self) -> Talk:
        return Talk("http/1.0", self._request(b"GET", self._poll_target(), version=b"1.0"))

    def _expect(self) -> Talk:
        more = b"Expect: 100-continue\r\nConnection: close\r\n"
        return Talk("expect", self._request(b"POST", self._path(), self._body(), more))

    def _smuggled(self) -> Talk:
        data = self._request(b"POST", self._path(), b"{}", self.random.choice(SMUGGLED))
        return Talk("smuggled", data, sure=False)

    def _cut(self) -> Talk:
        data = self._request(b"POST", self._path(), self._body())
        return Talk(
            "cut", data[: self.random.randint(1, len(data) - 1)], sure=False, half=self.random.random() < 0.5
        )

    def _absolute(self) -> Talk:
        host = self.random.choice([b"127.0.0.1", b"evil.example:1", b"u:p@h"])
        data = self._request(b"GET", b"http://" + host + self._poll_target(), None, b"Connection: close\r\n")
        return Talk("absolute", data)

    def _trailers(self) -> Talk:
        line = b"x: " + b"y" * self.random.randint(0, 3000) + b"\r\n"
        data = self._request(b"POST", self._path(), b"{}", chunked=True)[:-2]
        return Talk("trailers", data + line * self.random.randint(0, 60) + b"\r\n", sure=False)

    def _large(self) -> Talk:
        more = self.random.choice([b"x: " + b"y" * 70_000 + b"\r\n", b"a:b\r\n" * 500])
        target = self.random.choice([self._poll_target(), b"/" + b"a" * 20_000])
        return Talk("large", self._request(b"GET", target, None, more), sure=False)
