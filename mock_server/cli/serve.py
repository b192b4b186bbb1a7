"""`kling-mock serve`: the server in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ..command_options import ServeOptions
from ..hostnames import is_loopback
from ..options import options_of, read_options
from ..settings import Settings
from ..store.address import MEMORY
from .commands import Command, flags
from .options import server_flags, settings_from

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock serve
  kling-mock serve --port 0 --realistic --speed 60
  kling-mock serve --scenario "id-awkward+poll-server-error;times=2"
  kling-mock serve --store sqlite:mock.db --workers 4
  kling-mock serve --queued 500ms --generating 10s --strict --log-format json

Point a client at http://127.0.0.1:8000/v2 with any API key. What can be told to happen:
`kling-mock scenarios`; by request: the header X-Mock-Scenario, the key mock-NAME, or [mock:NAME] in a prompt.
"""
CURL = (
    "curl -s {url}/v2/video/generations -H {key} -H 'Content-Type: application/json' "
    """-d '{{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}}'"""
)


def serve(given: Mapping[str, Any]) -> int:
    """Serve until a signal; exit status 0 after a clean stop."""
    settings = settings_from(given)
    workers: int = read_options(options_of(ServeOptions), given)["workers"]
    if workers > 1:
        from .workers import check_workers

        check_workers(workers, settings)
    from ..catalog import load_catalog
    from ..serving.asgi_server import bind, new_event_loop

    # Before anybody can connect: there is no server with half a catalogue.
    load_catalog(settings.specs)

    with bind(settings.host, settings.port) as listening:
        host, port = listening.getsockname()[:2]
        settings = settings.replace(port=port)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}"
        if workers > 1:
            from .workers import serve_by_workers

            serve_by_workers(settings, listening, url, workers, partial(_ready, settings, url))
            return 0
        from .listening import serve_until_signal

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve_until_signal(settings, listening, partial(_ready, settings, url)))
    return 0


def _ready(settings: Settings, url: str) -> None:
    """Say where it is, and what is worth a warning."""
    print(f"kling-mock ready at {url}", flush=True)
    if settings.log_format == "text":
        # Whoever gave a key knows it; what is printed may be kept.
        key = "YOUR_KEY" if settings.api_key else "test-key"
        print(CURL.format(url=url, key=shlex.quote(f"Authorization: Bearer {key}")), flush=True)
        print(f"jobs and exchanges, live: {url}/_mock/", flush=True)
    if not is_loopback(settings.host):
        print(f"Listening on {settings.host}: other machines can reach this mock.", file=sys.stderr)
    if settings.store != MEMORY:
        from ..store.opening import open_backend

        backend = open_backend(settings.store)
        for warning in backend.warnings() if backend is not None else ():
            print(warning, file=sys.stderr)


command = Command(
    "serve",
    serve,
    [*flags(ServeOptions), *server_flags()],
    help="Run the mock server on a loopback port until Ctrl-C.",
    epilog=EPILOG,
)
