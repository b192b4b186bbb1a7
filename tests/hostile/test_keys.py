"""No key is written down: planted wherever a client can put one, and looked for in every output."""

from __future__ import annotations

import base64
import html
import http.client
import io
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.cli.main import main
from kling_mock.events import EventKind
from kling_mock.exchanges.access_log import ExchangeLog
from kling_mock.exchanges.exchange import Exchange
from kling_mock.exchanges.har import har_log
from kling_mock.exchanges.redaction import MOST_KEYS, Redactor, keys_of
from kling_mock.exchanges.secret_names import BUILT_IN, SecretNames
from kling_mock.settings import Settings
from kling_mock.trace_rules import check_trace
from tests.hostile.planting import JWT, MOST, PLACES, SECRET, Place, seen
from tests.plugged import run as run_tests
from tests.running import run
from tests.support import PATHS, PATIENCE, ask, body_for, mostly_long

pytest_plugins = ["pytester"]


def send(port: int, place: Place) -> bytes:
    """Send a place's request as it is, and return the answer's body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/json"} | place.headers
        connection.request(place.method, place.path + place.query, place.content, headers)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def bounded() -> Iterator[MockServer]:
    with MockServer(max_recorded_body=1_000) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_a_server_shows_no_key(bounded: MockServer, place: Place) -> None:
    bounded.reset()
    send(bounded.port, place)
    exchanges = bounded.exchanges
    shown = {"repr": repr(exchanges), "har": json.dumps(har_log(exchanges), ensure_ascii=False)}
    for path in ("/_mock/exchanges", "/_mock/exchanges.har", "/_mock/jobs"):
        shown[path] = ask(bounded, "GET", path, key=None).body.decode()
    for form in ("text", "json"):
        stream = io.StringIO()
        for one in exchanges:
            ExchangeLog(stream, form=form).write(one)
        shown[form] = stream.getvalue()
    shown["breaches"] = "\n".join(map(str, check_trace(exchanges)))
    assert exchanges
    assert {name: seen(text, place.secret) for name, text in shown.items()} == {
        name: count for name, text in shown.items() if (count := seen(text, place.secret)) <= MOST
    }


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_serve_writes_no_key(form: str) -> None:
    """The log on standard output, the banner, and what the events replay."""
    words = [sys.executable, "-m", "kling_mock", "serve", "--port", "0", "--log-format", form]
    with subprocess.Popen(
        [*words, "--redact", "X-Internal"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ) as process:
        assert process.stdout is not None
        port = int(re.search(r":(\d+)", process.stdout.readline())[1])  # type: ignore[index]
        try:
            for place in PLACES:
                send(port, place)
            send(port, Place("own", {"X-Internal": SECRET}, path="/x", method="GET"))
            shown = _events(port, len(PLACES) + 1)
        finally:
            process.terminate()
        shown += process.stdout.read()
    leaking = [line for line in shown.splitlines() if max(seen(line, SECRET), seen(line, JWT)) > MOST]
    assert leaking == []


def _events(port: int, count: int) -> str:
    """The events of a server, from the first one on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/_mock/events", headers={"Last-Event-ID": "0"})
        answer = connection.getresponse()
        read = ""
        while read.count("event: exchange\n") < count and (line := answer.readline().decode()):
            read += line
        return read
    finally:
        connection.close()


PROGRAM = """
import json, sys, urllib.error, urllib.request
key, mode = sys.argv[2], sys.argv[4]
url = "https://api.aimlapi.com/v2/video/generations" + ("?access_key=" + key if mode == "query" else "")
body = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}
headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
if mode == "noscheme": headers["Authorization"] = key
if mode == "body": body["api_key"] = body["aspect_ratio"] = key
if mode == "other": headers["Authorization"], body["api_key"] = "Bearer other-000000", key
for _ in range(2):
    try:
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=20)
    except urllib.error.HTTPError:
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", mostly_long(["plain", "noscheme", "query", "body", "other"], 5))
def test_run_writes_no_key(mode: str, tmp_path: Path) -> None:
    """In the summary and in the report, which only its owner can read."""
    report = tmp_path / "report.json"
    report.touch(0o644)
    program = ["--", sys.executable, "-c", PROGRAM, "--api-key", SECRET, f"TOKEN={SECRET}", mode]
    done = run("--offline", *program)
    written = run("--offline", "--report", str(report), *program)
    assert b"exchange" in done.stderr, done.stderr.decode()
    for text in (done.stderr.decode(), written.stderr.decode(), report.read_text(encoding="utf-8")):
        assert seen(text, SECRET) <= MOST
    assert json.loads(report.read_text(encoding="utf-8"))["exchange_count"] == 2
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["curl", "-H", f"Authorization: Bearer {SECRET}", "https://h/x"], "https://h/x"),
        (["curl", "-H", f"X-Api-Key:{SECRET}"], "curl"),
        (["curl", "-u", f"me:{SECRET}", "--oauth2-bearer", SECRET, f"-ume:{SECRET}"], "-u"),
        (["curl", f"https://me:{SECRET}@h/x?a=1&token={SECRET}"], "@h/x?a=1"),
        (["python", "client.py", "--api-key", SECRET, "--seed", "7"], "--seed"),
        (["python", "client.py", f"--api-key={SECRET}", "--max-tokens=5"], "--max-tokens=5"),
        (["env", f"AIMLAPI_API_KEY={SECRET}", "node", "client.js"], "client.js"),
        (["sh", "-c", f"KEY='{SECRET}' node x.js --password {SECRET} -u me:{SECRET}"], "node x.js"),
        (["sh", "-c", f'curl -H "Authorization: Bearer {SECRET}" https://h/keyframes'], "https://h/keyframes"),
        (["sh", "-c", f"curl -d '{{\"api_key\": \"{SECRET}\"}}' https://h"], "https://h"),
        (["python", "-u", "client.py", "--tokenizer", "fast"], "client.py"),
    ],
)  # fmt: skip
def test_the_words_of_a_command_show_no_key(words: list[str], kept: str) -> None:
    shown = Redactor().command(words)
    assert seen(" ".join(shown), SECRET) <= MOST
    assert any(kept in word for word in shown) and len(shown) == len(words)


OWN_KEY = f"""
import os
from tests.clients.reference import Client
from tests.clients.wire import KlingError

KEY = {SECRET!r}

class Own(Client):
    '''Ignores the key that it is given.'''

    def __init__(self, base_url, api_key):
        super().__init__(base_url, KEY)

def generate(payload, *, base_url, api_key):
    try:
        return Own(base_url, api_key).generate(payload)
    except KlingError as error:
        raise RuntimeError("x" * 100 + f" with the key {{KEY}}: {{error}}") from None

def added(payload, *, base_url, api_key):
    return Client(base_url, api_key).generate({{**payload, "api_key": KEY}})

def early(payload, *, base_url, api_key):
    raise RuntimeError("there is no " + os.environ["AIMLAPI_API_KEY"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "properties"), [("generate", ["A7", "B5"]), ("added", ["A2", "A3"]), ("early", ["A7"])]
)
def test_verify_writes_no_key(
    name: str,
    properties: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a client that uses its own key: on the console, in each report, in what is saved."""
    module = f"own_key_{name}"
    (tmp_path / f"{module}.py").write_text(OWN_KEY)
    monkeypatch.syspath_prepend(str(tmp_path))
    if name == "early":
        monkeypatch.setenv("AIMLAPI_API_KEY", SECRET)
    files = [tmp_path / "saved", *(tmp_path / f"report.{form}" for form in ("json", "html", "xml"))]
    words = [
        "--save",
        str(files[0]),
        "--report",
        str(files[1]),
        "--html",
        str(files[2]),
        "--junit",
        str(files[3]),
    ]
    words += [word for one in properties for word in ("--property", one)]
    status = main(["verify", f"{module}:{name}", *words, "--max-examples", "3", "--redact", "x-internal"])
    out, err = capsys.readouterr()
    texts = [out, err, *(file.read_text(encoding="utf-8") for file in files[1:])]
    if name != "early":
        assert status == 1
        texts += [saved.read_text(encoding="utf-8") for saved in files[0].iterdir()]
    assert [seen(text, SECRET) for text in texts if seen(text, SECRET) > MOST] == []


def test_validate_writes_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(body_for(api_key=SECRET, aspect_ratio=SECRET, extra={"password": SECRET})))
    for more in ([], ["--json"], ["--strict"]):
        assert main(["validate", *more, str(file)]) in (0, 1)
        shown = capsys.readouterr().out
        assert "api_key" in shown and seen(shown, SECRET) <= MOST


def test_pytest_writes_no_key(pytester: pytest.Pytester) -> None:
    """In the sections of a failed test, in warnings, and in HAR files."""
    result = run_tests(
        pytester,
        f"""
        import urllib.error

        @pytest.mark.kling(redact=["x-internal"])
        @pytest.mark.parametrize("fails", [True, False])
        def test_mine(kling_server, fails):
            headers = {{"Authorization": {SECRET!r}, "X-Internal": {SECRET!r}, "Content-Type": "text/plain"}}
            body = json.dumps({{"model": MODEL, "prompt": "x", "api_key": {SECRET!r}}}).encode()
            url = f"{{kling_server.base_url}}/video/generations?password={SECRET}"
            for sent in (headers, headers | {{"Authorization": "Bearer {SECRET}"}}):
                try:
                    urllib.request.urlopen(urllib.request.Request(url, body, sent), timeout=20)
                except urllib.error.HTTPError:
                    pass
            if fails:
                raise AssertionError("it failed") from None
        """,
        "--kling-log-dir=hars",
        "--tb=no",
    )
    result.assert_outcomes(passed=1, failed=1)
    hars = [file.read_text(encoding="utf-8") for file in Path(pytester.path, "hars").iterdir()]
    assert len(hars) == 2
    assert "create" in result.stdout.str() and all("api_key" in text for text in hars)
    assert all(seen(text, SECRET) <= MOST for text in (result.stdout.str(), *hars))


KEYS = st.text("ABCDEFabcdef0123456789-_./+=:é&'", min_size=12, max_size=200).map(lambda key: f"k{key}k")
AROUND = st.text('ghij lmn"\\{}[]<>,…', max_size=40)
WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": lambda key: quote(key, safe=""),
    "plus": quote_plus,
    "low": lambda key: re.sub("%..", lambda found: found[0].lower(), quote(key, safe="")),
    "json": lambda key: json.dumps(key)[1:-1],
    "unicode": lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    "php": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "repr": lambda key: repr(key)[1:-1],
    "base64": lambda key: base64.b64encode(key.encode()).decode().rstrip("="),
    "urlsafe": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "user": lambda key: base64.b64encode(b"me:" + key.encode()).decode()[4:].rstrip("="),
}


@given(KEYS, st.sampled_from(sorted(WRITTEN)), AROUND, AROUND, st.integers(0, 240), st.booleans())
@example("k" + "a" * 300 + "k", "plain", "", "", 400, True)
def test_no_part_of_a_key_remains_where_a_text_is_cut(
    key: str, way: str, before: str, after: str, cut: int, marked: bool
) -> None:
    """Whole, cut off at the end, or shortened with an ellipsis: at most four characters are left."""
    written = WRITTEN[way](key)
    text = (before + written)[: len(before) + cut]
    hides = Redactor([key])
    shown = hides.text(f"{text}…{after}") if marked else hides.text(text, cut=True)
    assert seen(shown, written) <= MOST
    whole = hides.text(before + written + after)
    assert seen(whole, written) <= MOST and whole.startswith(before)


@given(st.lists(KEYS, min_size=2, max_size=4), st.integers(1, 12))
def test_keys_that_overlap_are_hidden_together(keys: list[str], shared: int) -> None:
    joined = keys[0] + keys[1][shared:] if keys[0].endswith(keys[1][:shared]) else "".join(keys)
    shown = Redactor(keys).text(f"({joined})")
    assert shown.startswith("([key]") and max(seen(shown, key) for key in keys) <= MOST


@pytest.mark.parametrize(
    "name",
    """key api_key apiKey APIKEY x-api-key X-Goog-Api-Key Ocp-Apim-Subscription-Key X-Access-Token accesstoken
    X-AIMLAPI-Key access_key api-token auth_key client_secret password userPassword signature sig jwt auth
    x-amz-signature Authorization proxy-authorization Cookie AIMLAPI_API_KEY credentials api%5Fkey data[token]
    access_tokens api_keys passwd X-Amz-Credential author_token""".split(),
)  # fmt: skip
def test_names_that_speak_of_a_key(name: str) -> None:
    assert name in BUILT_IN


@pytest.mark.parametrize(
    "name",
    """keyframes key_frames token_count max_tokens max_token x-client-request-id author authors keyboard
    keyword monkey prompt_tokens tokens total_tokens tokenizer idempotency-key generation_id model prompt
    image_url access-control-allow-credentials www-authenticate token_type design assignment SSH_AUTH_SOCK
    XAUTHORITY passive bypass signal duration cfg_scale""".split(),
)  # fmt: skip
def test_names_that_only_look_so(name: str) -> None:
    assert name not in BUILT_IN


def test_own_names_are_hidden_too() -> None:
    names = SecretNames(["X-Internal-Id", "tenant*"])
    for name in ("x-internal-id", "xInternalId", "X_INTERNAL_ID", "tenant", "tenantName", "key"):
        assert name in names, name
    assert "internal-id" not in names and "x-tenant" not in names
    for given_ in ("a,b", ["a", "b"]):
        assert Settings(redact=given_).redact == ("a", "b")
    assert Settings.from_environment({"KLING_MOCK_REDACT": "x-a,x-b"}) == {"redact": ("x-a", "x-b")}
    with MockServer(redact=["x-internal"]) as server:
        query, headers = "?x_internal=hello", {"X-Internal": "hello-hello"}
        ask(server, "POST", PATHS[0] + query, {"xInternal": "hello", "b": [1]}, headers)
        shown = server.exchanges[0].as_dict()
    assert "hello-" not in json.dumps(shown) and shown["query"] == "x_internal=[key]"
    assert json.loads(shown["request"]["body"]) == {"xInternal": "[key]", "b": [1]}


def test_settings_and_events_show_no_key() -> None:
    """What an assertion of pytest prints of the settings, and what an event tells of changed ones."""
    with MockServer(api_key=[SECRET], control_token=SECRET) as server:
        told: list[Any] = []
        server.space.bus.subscribe(lambda event: told.append(event.data), (EventKind.SETTINGS,))
        server.configure(api_key=[SECRET, "other"])
        shown = repr(server.settings) + repr(server.space.settings) + repr(told)
    assert seen(shown, SECRET) <= MOST and "api_key" in shown


def test_a_basic_password_and_placeholders() -> None:
    password = base64.b64encode(f"me:{SECRET}".encode())
    assert SECRET in keys_of([(b"authorization", b"Basic " + password)])
    for value in (b"Bearer", b"Bearer ", b"Bearer None", b"Bearer undefined", b"", b"Bearer YOUR_KEY"):
        assert keys_of([(b"authorization", value)]) == ()


def recorded(query: str = "", body: str = "", key: str = SECRET, answer: str = "") -> Exchange:
    raw, told = body.encode(), answer.encode()
    return Exchange(
        "POST", "/v2/video/generations", query.encode(), [(b"authorization", b"Bearer " + key.encode())],
        body=raw, body_size=len(raw), status=200, answer_body=told, answer_size=len(told),
    )  # fmt: skip


def with_headers(headers: list[tuple[bytes, bytes]]) -> Exchange:
    exchange = recorded(body="{}")
    return exchange._replace(raw_headers=[*exchange.raw_headers, *headers])


FAMILIES: dict[str, Callable[[int], Exchange]] = {
    "keys in the query": lambda n: recorded("&".join(f"key=abcdefgh{i:05}" for i in range(n // 18))),
    "names in the query": lambda n: recorded("&".join(f"token{i}=abcdefgh" for i in range(n // 18))),
    "encoded query": lambda n: recorded("&".join(["a=%73%6b"] * (n // 9))),
    "ampersands": lambda n: recorded("&" * n),
    "semicolons": lambda n: recorded(";" * n + "key"),
    "one letter": lambda n: recorded(body="a" * n, key="a" * 500 + "b"),
    "ellipses": lambda n: recorded(body=("aaaaa…" * (n // 6)), key="a" * 500 + "b"),
    "quotes": lambda n: recorded(body='{"key' + '"' * n),
    "escaped quotes": lambda n: recorded(body='{"key": "' + '\\"' * (n // 2)),
    "strings": lambda n: recorded(body='["key"' + ',""' * (n // 3)),
    "names": lambda n: recorded(body="{" + '"key":"x",' * (n // 10)),
    "brackets": lambda n: recorded(body='{"key":' + "[" * n),
    "assignments": lambda n: recorded(body="key=" * (n // 4)),
    "names of a text": lambda n: recorded(body="key" + " a" * (n // 2)),
    "spaces": lambda n: recorded(body="key" + " " * n),
    "parts": lambda n: recorded(body='name="key"\r\n' * (n // 12)),
    "parts in a line": lambda n: recorded(body='name="key"' * (n // 10)),
    "addresses": lambda n: recorded(body="key://" * (n // 6)),
    "users": lambda n: recorded(body="key://" + "a@" * (n // 2)),
    "question marks": lambda n: recorded(body='{"key":"' + "?" * n),
    "URLs in URLs": lambda n: recorded(body='{"key":"' + "?a=" * (n // 3)),
    "URLs in a query": lambda n: recorded("?a=" * (n // 3) + "key"),
    "names of URLs": lambda n: recorded(body='{"key":"' + "?token=" * (n // 7)),
    "backslashes": lambda n: recorded(body='{"key":"' + "\\\\" * (n // 2) + '\\"'),
    "assignments in a header": lambda n: with_headers([(b"a", b"key=" * (n // 4))]),
    "answer": lambda n: recorded(answer="…" * n + "://" * (n // 3)),
    "escapes": lambda n: recorded(body='{"a":"' + "\\u0073" * (n // 6)),
    "cookies": lambda n: with_headers([(b"cookie", b"a=b;" * (n // 4))]),
    "headers": lambda n: with_headers([(b"a%d" % i, b"b") for i in range(n // 8)]),
    "keys in headers": lambda n: with_headers([(b"key%d" % i, b"abcdefgh%05d" % i) for i in range(n // 20)]),
    "a long key": lambda n: recorded(body="ab" * n, key="ab" * n + "c"),
}


def cost(exchange: Exchange) -> float:
    """CPU seconds of showing all of an exchange, the least of several."""
    times = []
    for _ in range(4):
        began = time.process_time()
        har_log([exchange])
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("family", mostly_long(FAMILIES, 6))
def test_hiding_costs_linear_time(family: str) -> None:
    make = FAMILIES[family]
    size = 30_000
    while (small := cost(make(size))) < 0.01 and size < 1_000_000:
        size *= 2
    # A busy machine makes one measurement long, not five in a row.
    ratios = (cost(make(2 * size)) / max(cost(make(size)), 0.005) for _ in range(5))
    assert any(ratio < 3 for ratio in ratios), (family, size, small)


def test_the_keys_of_an_exchange_are_bounded() -> None:
    query = "&".join(f"key=abcdefgh{number:04}" for number in range(4_600))
    exchange = recorded(query)
    assert len(exchange.keys) == MOST_KEYS and SECRET in exchange.keys
    assert exchange.shown_query == "&".join(["key=[key]"] * 4_600)


def test_a_value_of_another_type_is_hidden_where_it_says_something() -> None:
    body: dict[str, Any] = {"pin_token": 123456, "auth": True, "secret": None, "key": {"a": ["b", 5]}, "n": 5}
    assert json.loads(Redactor().body(json.dumps(body)).replace("[key]", '"#"').replace('""#""', '"#"')) == {
        "pin_token": "#", "auth": True, "secret": None, "key": {"a": ["#", "#"]}, "n": 5,
    }  # fmt: skip
