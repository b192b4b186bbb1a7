"""A key, the places in which a client can put it, and how much of it a text shows."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support import MODEL, PATHS

__all__ = ["JWT", "MOST", "OTHER", "PLACES", "SECRET", "Place", "seen"]

MOST = 4
"""Characters of a key that may be seen in a row."""
SECRET = "sk-LIVEq7Wz4Kx9Rb2Tm6Yp3hJdVnTAIL"
"""No five digits in a row, which a time could hold as well."""
JWT = "eyJhbGciOiJIUzI1NiJ9." + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 3 + ".c2lnbmF0dXJlLXBhcnQ"
OTHER = "Bearer other-key-000"
IMAGES = "kling-video/v1/standard/image-to-video"


def seen(text: str, secret: str) -> int:
    """The longest run of a secret that a text shows."""
    longest = 0
    for start in range(len(secret)):
        while secret[start : start + longest + 1] in text and start + longest < len(secret):
            longest += 1
    return longest


@dataclass(frozen=True)
class Place:
    """A request with a key in one place of it."""

    label: str
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None
    path: str = PATHS[0]
    method: str = "POST"
    secret: str = SECRET

    @property
    def content(self) -> bytes | None:
        """The body as it is sent."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


BODY = {"model": MODEL, "prompt": "fox"}
OWN = {"Authorization": f"Bearer {SECRET}"}
FOREIGN = {"Authorization": OTHER}
AUTHORIZATIONS = (
    "Bearer {}", "{}", "ApiKey {}", "Token {}", "Bearer: {}", '"Bearer {}"', "Bearer{}", "Bearer\t{}",
    "Bearer Bearer {}", "Bearer {}, Bearer {}", "bearer={}", "Custom {}", " {} ",
)  # fmt: skip
HEADERS = (
    "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Ocp-Apim-Subscription-Key", "X-Access-Token", "X-AIMLAPI-Key",
    "X-Secret-Key", "X-Amz-Security-Token", "Aimlapi-Key", "X-Auth-Key", "X-API-Token", "Private-Token",
    "Proxy-Authorization", "X-Password", "X-Signature", "X-Jwt", "X-Client-Secret", "Cookie",
)  # fmt: skip
NAMES = (
    "key", "api_key", "apiKey", "access_key", "password", "sig", "signature", "auth_key", "x-amz-signature",
    "client_secret", "api-token", "aimlapi_key", "jwt", "authorization", "access_token", "api%5Fkey",
    "X-Amz-Credential",
)  # fmt: skip
PART = 'Content-Disposition: form-data; name="api_key"\r\n\r\n' + SECRET + "\r\n--b--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"} | FOREIGN
FORM = {"Content-Type": "application/x-www-form-urlencoded"} | FOREIGN
URL = f"https://user:{SECRET}@h.example/a.png"

URLS = {
    "URL": f"https://h.example/?a=1&token={SECRET}",
    "URL in a URL": f"https://h.example/?to=https://g.example/?token={SECRET}",
    "fragment": f"https://h.example/cb#access_token={SECRET}&state=1",
    "fragment behind a query": f"https://h.example/cb?a=1#access_token={SECRET}",
}
META = json.dumps({"api_key": SECRET})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _places() -> list[Place]:
    fields = [name for name in NAMES if "%" not in name]
    return [
        *(
            Place(f"Authorization: {form}", {"Authorization": form.replace("{}", SECRET)}, body=BODY)
            for form in AUTHORIZATIONS
        ),
        *(Place(name, {name: f"a={SECRET}"} | FOREIGN, body=BODY) for name in HEADERS),
        *(Place(f"query {name}", FOREIGN, f"?{name}={SECRET}&page=1", BODY) for name in NAMES),
        *(Place(f"field {name}", FOREIGN, body={**BODY, name: SECRET}) for name in fields),
        *(Place(f"form {name}", FORM, body=f"a=b&{name}={SECRET}&c=d".encode()) for name in NAMES),
        Place("deep field", FOREIGN, body={**BODY, "a": [{"b": {"api_key": SECRET}}]}),
        Place("list", FOREIGN, body={**BODY, "api_keys": [SECRET, {"x": SECRET}]}),
        Place("JSON in JSON", FOREIGN, body={**BODY, "meta": json.dumps({"api_key": SECRET})}),
        Place("field with Bearer", FOREIGN, body={**BODY, "authorization": f"Bearer {SECRET}"}),
        Place("escaped name", FOREIGN, body=('{"api\\u005fkey": "' + SECRET + '"}').encode()),
        Place("multipart", MULTIPART, body=("--b\r\n" + PART).encode()),
        Place("password of a URL", FOREIGN, body={"model": IMAGES, "prompt": "x", "image_url": URL}),
        Place("password of a URL in a wrong field", FOREIGN, body={**BODY, "seed": URL}),
        Place("signed URL", FOREIGN, body={**BODY, "image_url": f"https://h/a?x=1&Signature={SECRET}"}),
        *(
            Place(f"{label} in a field", FOREIGN, body={"model": IMAGES, "prompt": "x", "image_url": url})
            for label, url in URLS.items()
        ),
        *(
            Place(f"{label} in a wrong field", FOREIGN, body={**BODY, "aspect_ratio": url})
            for label, url in URLS.items()
        ),
        *(Place(f"{label} in a header", {"X-Next": url} | FOREIGN, body=BODY) for label, url in URLS.items()),
        *(Place(f"{label} in Referer", {"Referer": url} | FOREIGN, body=BODY) for label, url in URLS.items()),
        *(
            Place(f"{label} in a query", FOREIGN, f"?next={url.replace('#', '%23')}", BODY)
            for label, url in URLS.items()
        ),
        Place("JSON in a header", {"X-Meta": json.dumps({"token": SECRET})} | FOREIGN, body=BODY),
        Place("assignment in a header", {"X-Meta": f"a=1, token={SECRET}"} | FOREIGN, body=BODY),
        Place("query with semicolons", FOREIGN, f"?a=1;token={SECRET}", BODY),
        Place("JSON in JSON in JSON", FOREIGN, body={**BODY, "meta": json.dumps({"x": META})}),
        Place("Referer", {"Referer": f"https://h/?api_key={SECRET}"} | FOREIGN, body=BODY),
        Place("Basic", {"Authorization": "Basic " + _base64(f"me:{SECRET}")}, body=BODY),
        Place("prompt", OWN, body={**BODY, "prompt": f"my key is {SECRET}, keep it"}),
        Place("wrong field", OWN, body={**BODY, "aspect_ratio": SECRET}),
        Place("name of a field", OWN, body={**BODY, SECRET: 1}),
        Place("path", OWN, path=f"/{SECRET}", method="GET"),
        Place("generation_id", OWN, f"?generation_id={SECRET}", method="GET"),
        Place(
            "over-encoded", OWN, "?generation_id=" + "".join(f"%{ord(c):02x}" for c in SECRET), method="GET"
        ),
        Place("scenario", {"X-Mock-Scenario": SECRET} | OWN, body=BODY),
        Place("request id", {"X-Client-Request-Id": SECRET} | OWN, body=BODY),
        Place("content type", {"Content-Type": SECRET} | OWN, body=BODY),
        Place("host", {"Host": f"{SECRET}.example"} | OWN, body=BODY),
        Place("name of a header", {SECRET: "x"} | OWN, body=BODY),
        Place("broken JSON", OWN, body=('{"a": ' + SECRET).encode()),
        Place("broken JSON in a key", OWN, body=("[1" + SECRET).encode()),
        Place("cut body", OWN, body={**BODY, "prompt": "x" * 920 + SECRET * 9}),
        Place("base64", OWN, body={**BODY, "z": _base64(SECRET)}),
        Place("model", OWN, body={"model": SECRET, "prompt": "x"}),
        Place("method", OWN, method="GET", path="/v1/models", query="?" + quote(SECRET)),
        *(
            Place(f"JWT as {name}", {"Authorization": f"Bearer {JWT}"}, body={**BODY, name: JWT}, secret=JWT)
            for name in ("model", "aspect_ratio", "prompt", "duration", "colour")
        ),
        Place(
            "JWT as scenario",
            {"Authorization": f"Bearer {JWT}", "X-Mock-Scenario": JWT},
            body=BODY,
            secret=JWT,
        ),
        Place("JWT as a name", {"Authorization": f"Bearer {JWT}"}, body={**BODY, JWT: 1}, secret=JWT),
    ]


PLACES = _places()
