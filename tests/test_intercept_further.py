"""Interception beyond Python's own sockets: libcurl in the process, and the programs that a test starts."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_mock import MockServer
from kling_mock.interception import intercept
from kling_mock.interception.parent.host_policy import Hosts
from tests.running import report_of

API = "https://api.aimlapi.com/v1/models"
OTHER = "https://example.com/"


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with MockServer() as server, intercept(server) as hosts:
        yield hosts


def _pycurl(url: str) -> int:
    pycurl: Any = importlib.import_module("pycurl")

    curl, body = pycurl.Curl(), io.BytesIO()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.WRITEDATA, body)
    curl.perform()
    return int(curl.getinfo(pycurl.RESPONSE_CODE))


def _pycurl_multi(url: str) -> int:
    pycurl: Any = importlib.import_module("pycurl")

    curl, multi = pycurl.Curl(), pycurl.CurlMulti()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.WRITEDATA, io.BytesIO())
    multi.add_handle(curl)
    while multi.perform()[1]:
        multi.select(1)
    failed = multi.info_read()[2]
    multi.remove_handle(curl)
    if failed:
        raise pycurl.error(*failed[0][1:])
    return int(curl.getinfo(pycurl.RESPONSE_CODE))


def _curl_cffi(url: str) -> int:
    from curl_cffi import requests

    return int(requests.get(url, impersonate="chrome").status_code)


def _curl_cffi_async(url: str) -> int:
    from curl_cffi import requests

    async def main() -> int:
        async with requests.AsyncSession() as session:
            return int((await session.get(url)).status_code)

    return asyncio.run(main())


CLIENTS: dict[str, list[Callable[[str], int]]] = {
    "pycurl": [_pycurl, _pycurl_multi],
    "curl_cffi": [_curl_cffi, _curl_cffi_async],
}


@pytest.mark.parametrize("library", CLIENTS)
def test_libcurl_is_led_to_the_mock_and_refused_elsewhere(library: str, hosts: Hosts) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    for number, client in enumerate(CLIENTS[library], 1):
        assert client(API) == 200
        with pytest.raises(Exception, match="403"):
            client(OTHER)
        assert hosts.refused == {"example.com:443": number}


@pytest.mark.parametrize("library", CLIENTS)
def test_handles_are_as_they_were_afterwards(library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "pycurl":
        handle, kinds = module.Curl(), [module.Curl, module.CurlMulti]
        options = (module.URL, module.PROXY)
    else:
        from curl_cffi.aio import AsyncCurl
        from curl_cffi.const import CurlOpt

        handle, kinds = module.Curl(), [module.Curl, AsyncCurl]
        options = (CurlOpt.URL, CurlOpt.PROXY)
    before = [dict(vars(kind)) for kind in kinds]
    with MockServer() as server:
        with intercept(server):
            handle.setopt(options[0], API.encode())
            handle.setopt(options[1], b"http://127.0.0.1:9")
            handle.perform()
        assert [dict(vars(kind)) for kind in kinds] == before
        # Its own proxy, where nobody listens, is in use again.
        with pytest.raises(Exception, match=r"(?i)connect"):
            handle.perform()


@pytest.mark.parametrize("library", CLIENTS)
def test_libcurl_is_led_under_run(library: str, tmp_path: Path) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    client = CLIENTS[library][0]
    source = f"""
import importlib
import io
from typing import Any
{inspect.getsource(client)}
print({client.__name__}({API!r}))
try:
    {client.__name__}({OTHER!r})
except Exception:
    print("refused")
"""
    report, said = report_of(tmp_path, "--offline", "--", sys.executable, "-c", source)
    assert said.split() == ["200", "refused"]
    assert report["untrusted"] == 0


ASK = f"""
import urllib.request
print(urllib.request.urlopen("{API}").status)
try:
    urllib.request.urlopen("{OTHER}")
except OSError:
    print("refused")
"""


def test_programs_that_a_test_starts_are_led(hosts: Hosts) -> None:
    command = [sys.executable, "-c", ASK]
    given: list[dict[str, Any]] = [{}, {"env": {}}, {"env": {b"A": b"1"}}]
    for number, options in enumerate(given, 1):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
        assert done.stdout.split() == ["200", "refused"], done.stderr
        assert hosts.refused == {"example.com:443": number}
    assert "KLING_MOCK_RUN" not in os.environ


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_other_programs_are_led_by_the_proxy(hosts: Hosts) -> None:
    async def main() -> bytes:
        words = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", API]
        process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
        return (await process.communicate())[0]

    assert asyncio.run(main()) == b"200"


def _ask(url: str) -> int:
    import urllib.request

    return int(urllib.request.urlopen(url).status)


@pytest.mark.skipif(os.name != "posix", reason="this is for Linux and macOS")
def test_processes_of_multiprocessing_are_led(hosts: Hosts) -> None:
    before = dict(os.environ)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_ask, (API,)) == 200
    assert dict(os.environ) == before


def test_what_leads_programs_is_made_for_the_first_one_and_removed() -> None:
    with MockServer() as server:
        start = subprocess.Popen.__init__
        with intercept(server):
            words = [sys.executable, "-c", "import os; print(os.environ['KLING_MOCK_RUN'])"]
            folder = Path(subprocess.check_output(words, text=True, timeout=60).strip())
            assert folder.exists()
            assert json.loads(folder.read_text())["fast_forward"] is False
        assert not folder.parent.exists()
        assert subprocess.Popen.__init__ is start
