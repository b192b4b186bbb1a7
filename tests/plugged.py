"""What the tests of the plugin share: a client, and running a user's test module against it."""

from __future__ import annotations

import textwrap

import pytest

__all__ = ["CLIENT", "INI", "run"]

INI = """\
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    ignore::pytest.PytestAssertRewriteWarning
    default::kling_mock.errors.KlingMockWarning
"""

CLIENT = '''\
"""The client under test: standard library only."""
import json, urllib.error, urllib.parse, urllib.request

MODEL = "klingai/v2.5-turbo/pro/text-to-video"

def call(server, query="", body=None):
    request = urllib.request.Request(
        f"{server.base_url}/video/generations{query}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()  # whoever holds it holds its connection
        raise

def create(server, **more):
    return call(server, body={"model": MODEL, "prompt": "A fox", **more})["id"]

def poll(server, job):
    return call(server, "?" + urllib.parse.urlencode({"generation_id": job}))["status"]

def statuses(server, **more):
    job, seen = create(server, **more), []
    while not seen or seen[-1] not in ("completed", "error"):
        seen.append(poll(server, job))
    return seen
'''


def run(
    pytester: pytest.Pytester, tests: str, *arguments: str, ini: str = "", apart: bool = False
) -> pytest.RunResult:
    """Run a user's test module, in this process or `apart`: cryptography cannot be imported twice in one."""
    pytester.makefile(".ini", pytest=INI + ini)
    pytester.makepyfile(client=CLIENT)
    header = "import pytest\nfrom client import *\n"
    pytester.makepyfile(test_mine=header + textwrap.dedent(tests))
    run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
    without = ["randomly", "xdist", "schemathesis", *([] if "anyio" in tests else ["anyio"])]
    return run(*[word for name in without for word in ("-p", f"no:{name}")], *arguments)
