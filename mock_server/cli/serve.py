"""`kling-mock serve`: the server in the foreground, until Ctrl-C or SIGTERM, or as long as a command runs."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..command_options import ServeOptions
from ..errors import SettingsError
from ..hostnames import is_loopback
from ..options import options_of, read_options
from ..serving.collector import no_collection
from ..settings import Settings
from .commands import Command, flags
from .options import server_flags, settings_from

if TYPE_CHECKING:
    from ..verdicts.everybody import Everybody

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock serve
  kling-mock serve --port 0 --realistic --speed 60
  kling-mock serve --scenario "id-awkward+poll-server-error;times=2"
  kling-mock serve --store sqlite:mock.db --workers 4
  kling-mock serve --queued 500ms --generating 10s --strict --log-format json
  kling-mock serve --check -- npm test

Point a client at http://127.0.0.1:8000/v2 with any API key. What can be told to happen:
`kling-mock scenarios`; by request: the header X-Mock-Scenario, the key mock-NAME, or [mock:NAME] in a prompt.
A command after -- finds the server by KLING_BASE_URL, KLING_API_KEY and KLING_MOCK_URL, on a free port; then
the server stops, the verdict is printed, and the exit status is the command's own: 1 where it succeeded and
--check finds a rule of level R broken, 124 after --timeout, 127 where there is no such command.
"""
CURL = (
    "curl -s {url}/v2/video/generations -H {key} -H 'Content-Type: application/json' "
    """-d '{{"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox in the snow"}}'"""
)


def serve(given: Mapping[str, Any]) -> int:
    """Serve until a signal, with exit status 0 after a clean stop; or run a command, with its status."""
    from .judging import check_files

    options = read_options(options_of(ServeOptions), given)
    check_files(options)
    settings = settings_from(given)
    words = list(given["command_line"])
    _check_together(options, settings, words)
    if words:
        from .served_command import serve_command

        return serve_command(words, settings, options)
    return _serve_until_stopped(settings, options)


def _check_together(options: Mapping[str, Any], settings: Settings, words: list[str]) -> None:
    """Refuse options that have nothing to say of how the server is started."""
    if options["timeout"] is not None and not words:
        raise SettingsError("expected with a command after --, received without one.", option="--timeout")
    if options["workers"] == 1:
        return
    from .workers import check_workers

    check_workers(options["workers"], settings)
    judged = next((name for name in ("check", "report", "junit") if options[name]), None)
    if words or judged:
        wish = "a command after --" if words else f"--{judged}"
        raise SettingsError(
            f"expected 1 with {wish}, received {options['workers']}: the verdict of several workers is asked "
            "for while they run, by `kling-mock report URL`.",
            option="--workers",
        )


def _serve_until_stopped(settings: Settings, options: Mapping[str, Any]) -> int:
    with no_collection():
        from ..catalog import load_catalog
        from ..serving.asgi_server import bind, new_event_loop
        from .judging import ignored_ids
        from .listening import serve_until_signal

    # Before anybody can connect: there is no server with half a catalogue.
    load_catalog(settings.specs)
    ignore = ignored_ids(options) if options["ignore"] else frozenset()
    with bind(settings.host, settings.port) as listening:
        host, port = listening.getsockname()[:2]
        settings = settings.replace(port=port)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}"
        ready = partial(_ready, settings, url)
        if options["workers"] > 1:
            from .workers import serve_by_workers

            serve_by_workers(settings, listening, url, options["workers"], ready)
            return 0
        statuses: list[int] = []

        def judge(everybody: Everybody) -> None:
            if options["check"] or options["report"] or options["junit"]:
                statuses.append(_judged(everybody, options, ignore))

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve_until_signal(settings, listening, ready, over=judge))
    return statuses[0] if statuses else 0


def _judged(everybody: Everybody, options: Mapping[str, Any], ignore: frozenset[str]) -> int:
    """Print the verdict and write the reports; 1 where it is checked and a required rule is broken."""
    from ..verdicts.shown import as_text
    from .judging import plain_text, status_of, write_verdict

    verdict = everybody.verdict(ignore=ignore)
    print(plain_text(as_text(verdict)), end="", file=sys.stderr, flush=True)
    write_verdict(options, verdict)
    return status_of(verdict, 0, check=options["check"])


def _ready(settings: Settings, url: str) -> None:
    """Say where it is, and what is worth a warning."""
    # An address that means all of a machine's is none to open.
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    if settings.log_format == "json":
        print(json.dumps({"event": "ready", "url": url}), flush=True)
    else:
        print(f"kling-mock ready at {url}", flush=True)
    if settings.log_format == "text":
        # Whoever gave a key knows it; what is printed may be kept.
        key = "YOUR_KEY" if settings.api_key else "test-key"
        print(CURL.format(url=url, key=shlex.quote(f"Authorization: Bearer {key}")), flush=True)
        print(f"jobs and exchanges, live: {url}/_mock/", flush=True)
    if not is_loopback(settings.host):
        control = "" if settings.control_token else " Its /_mock/ answers them with a --control-token only."
        print(f"Listening on {settings.host}: other machines can reach this mock.{control}", file=sys.stderr)


command = Command(
    "serve",
    serve,
    [*flags(ServeOptions), *server_flags()],
    help="Run the mock server on a loopback port, until Ctrl-C or for as long as a command runs.",
    epilog=EPILOG,
    usage="[options] [-- CMD [ARG ...]]",
    behind="command_line",
)
