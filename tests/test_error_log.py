"""Bugs of kling-mock reach a person who configured nothing: on stderr, with their traceback."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, kling_mock.app, kling_mock.cli
def broken(*_): raise RuntimeError("a bug for the test")
kling_mock.app.poll = broken
sys.exit(kling_mock.cli.main(["run", "--", sys.executable, "-c", sys.argv[1]]))
"""
PROGRAM = """
import urllib.request
try:
    urllib.request.urlopen("https://api.aimlapi.com/v2/video/generations?generation_id=x")
except OSError as error:
    print(error)
"""


def test_a_bug_is_told_on_stderr_where_nobody_configured_logging() -> None:
    done = subprocess.run([sys.executable, "-c", CODE, PROGRAM], capture_output=True, text=True, timeout=60)
    assert "HTTP Error 500" in done.stdout, done.stderr
    assert "RuntimeError: a bug for the test" in done.stderr
