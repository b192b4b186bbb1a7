"""`kling-mock serve`: the server in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Mapping
from typing import Any

from ..hostnames import is_loopback
from ..settings import Settings
from .commands import Command
from .options import server_flags, settings_from

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock serve
  kling-mock serve --port 0 --realistic --speed 60
  kling-mock serve --scenario "id-awkward+poll-server-error;times=2"
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
    from ..catalog import load_catalog
    from ..serving.asgi_server import bind, new_event_loop

    # Before anybody can connect: there is no server with half a catalogue.
    load_catalog(settings.specs)
    listening = bind(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    settings = settings.replace(port=port)
    shown = f"[{host}]" if ":" in host else host
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(settings, listening, f"http://{shown}:{port}"))
    return 0


async def _serve(settings: Settings, listening: Any, url: str) -> None:
    from ..app import MockApp
    from ..common import Common
    from ..events import EventKind
    from ..exchanges.access_log import ExchangeLog
    from ..serving.asgi_server import Listener
    from ..serving.collector import collect_rarely

    common = Common(settings)
    app = MockApp(common)
    log = ExchangeLog(form=settings.log_format)
    if settings.log_format != "none":
        common.workspaces.each(
            lambda space: space.bus.subscribe(log.listener(space.name), (EventKind.EXCHANGE,))
        )
    listener = Listener(app, [(listening, None)])
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, listener.stop)
        except NotImplementedError:
            signal.signal(number, lambda *_: listener.stop())

    collect_rarely()

    def ready() -> None:
        print(f"kling-mock ready at {url}", flush=True)
        if settings.log_format == "text":
            # Whoever gave a key knows it; what is printed may be kept.
            key = "YOUR_KEY" if settings.api_key else "test-key"
            print(CURL.format(url=url, key=shlex.quote(f"Authorization: Bearer {key}")), flush=True)
            print(f"jobs and exchanges, live: {url}/_mock/", flush=True)
        if not is_loopback(settings.host):
            print(f"Listening on {settings.host}: other machines can reach this mock.", file=sys.stderr)

    await listener.serve(ready)
    log.close()


command = Command(
    "serve",
    serve,
    server_flags(),
    help="Run the mock server on a loopback port until Ctrl-C.",
    epilog=EPILOG,
)
