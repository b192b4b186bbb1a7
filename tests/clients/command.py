"""The reference client as a command: `python command.py [BUG]`.

Payload as JSON on stdin, `KLING_BASE_URL` and `KLING_API_KEY` in the environment, the URL as the last line of
stdout, exit status 1 and a message on stderr on failure; `KLING_POLL_INTERVAL` in seconds between polls.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

if not __package__:
    # Run as a script, it is a member of its package all the same.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __package__ = "tests.clients"

from .reference import Client
from .wire import KlingError

BUGS = {
    "hard-coded-address": "talks to the address that it was written with",
    "other-variable": "reads the base URL from a variable of its own",
    "always-zero": "exits with 0 whatever happens",
    "says-done": "prints a last line after the URL",
    "prints-json": "prints the answer instead of the URL",
    "url-on-stderr": "prints the URL to stderr",
    "logs-headers": "logs its headers, the key among them",
    "shows-key-in-errors": "names the key when it is refused",
}
NOWHERE = "http://127.0.0.1:9/v2"


def base_url(bug: str) -> str:
    """The address to talk to."""
    if bug == "hard-coded-address":
        return NOWHERE
    if bug == "other-variable":
        return os.environ.get("KLING_API_BASE", NOWHERE)
    return os.environ["KLING_BASE_URL"]


def report(url: str, bug: str) -> None:
    """Say where the video is."""
    if bug == "prints-json":
        url = json.dumps({"video": {"url": url}})
    print(url, file=sys.stderr if bug == "url-on-stderr" else sys.stdout)
    if bug == "says-done":
        print("Done!")


def main(bug: str = "") -> int:
    """Make the video of the payload on stdin."""
    key = os.environ["KLING_API_KEY"]
    client = Client(base_url(bug), key)
    client.poll_interval = float(os.environ.get("KLING_POLL_INTERVAL", client.poll_interval))
    if bug == "logs-headers":
        print("sending", client.headers("POST"), file=sys.stderr)
    try:
        report(client.generate(json.load(sys.stdin)), bug)
    except (KlingError, ValueError) as error:
        print(f"{error} (key {key})" if bug == "shows-key-in-errors" else error, file=sys.stderr)
        return 0 if bug == "always-zero" else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
