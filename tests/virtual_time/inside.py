"""Lets programs happen in the process of the mock, as a test with `kling_fast_forward` does."""

from __future__ import annotations

import json
import sys

from kling_mock import MockServer
from kling_mock.virtual_time import fast_forward

from .acting import act_all

if __name__ == "__main__":
    with open(sys.argv[1]) as file, MockServer(speed=0, max_exchanges=100) as server:
        programs = [json.loads(line) for line in file]
        with fast_forward(server):
            act_all(programs, server.url, int(sys.argv[2]))
