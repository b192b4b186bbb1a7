"""`kling-mock report`: the verdict of a server that runs, printed, with an exit status."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ..command_options import ReportOptions
from ..errors import ServerError, SettingsError
from ..options import options_of, read_options
from ..output_files import check_report_file, write_report
from ..settings import server_options
from ..timing import REPORT_ANSWERS
from .commands import Command, argument, flags

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock report http://127.0.0.1:8000
  kling-mock report http://127.0.0.1:8000 --format markdown >> $GITHUB_STEP_SUMMARY
  kling-mock report --rule B2 --rule C1 --junit verdict.xml

Without a URL that of KLING_MOCK_URL is asked, which `serve -- CMD` and `run` set for their command.
It is judged as if nobody asks any more: a job that is still running was given up. --so-far leaves that open.
Exit status: 0 where no required rule is broken, 1 where one is, 2 where there is no verdict to be had.
"""


def report(given: Mapping[str, Any]) -> int:
    """Print the verdict of a server; 1 where a required rule is broken."""
    options = read_options(options_of(ReportOptions), given)
    for name in ("report", "junit"):
        check_report_file(f"--{name}", options[name])
    base = _base(given["url"])
    asked = [("rule", word) for word in options["rules"]]
    asked += [("level", word) for word in options["levels"]]
    asked += [("ignore", word) for word in options["ignore"]]
    if not options["so_far"]:
        # Who asks for a report has seen the last request: what is still open was given up.
        asked.append(("over", "true"))
    data = _fetch(base, [*asked, ("format", "json")])
    try:
        verdict = json.loads(data)
        broken = int(verdict["required"])
    except (ValueError, KeyError, TypeError):
        raise ServerError(f"{base} gave no verdict: is it a kling-mock?") from None
    form = options["format"]
    print(
        data if form == "json" else _fetch(base, [*asked, ("format", form)]),
        end="\n" if form == "json" else "",
    )
    write_report("--report", options["report"], json.dumps(verdict, indent=2, ensure_ascii=False) + "\n")
    if options["junit"] is not None:
        write_report("--junit", options["junit"], _fetch(base, [*asked, ("format", "junit")]))
    return 1 if broken else 0


def _base(url: str | None) -> str:
    """The server's address, from that of its API or of its page as well."""
    given = url or os.environ.get("KLING_MOCK_URL")
    if not given:
        raise SettingsError("expected the URL of a server, such as http://127.0.0.1:8000, or KLING_MOCK_URL.")
    try:
        parts = urlsplit(given)
        path = parts.path.partition("/_mock")[0].rstrip("/").removesuffix("/v2")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError
    except ValueError:
        raise SettingsError(f"expected a URL such as http://127.0.0.1:8000, received {given!r}.") from None
    return f"{parts.scheme}://{parts.netloc}{quote(path, safe='/%@:')}"


def _fetch(base: str, query: list[tuple[str, str]]) -> str:
    """The answer of the control API; `ServerError` with a sentence where there is none."""
    token = server_options()["control_token"].read_variable(os.environ)
    headers = {"Authorization": f"Bearer {token[1]}"} if token else {}
    request = urllib.request.Request(f"{base}/_mock/verdict?{urlencode(query)}", headers=headers)
    # The server is asked itself: no proxy of the environment knows this machine's ports.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=REPORT_ANSWERS) as answer:
            text: bytes = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise ServerError(f"{base} gave no verdict: {_message(error)}") from None
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ServerError(f"{base} cannot be asked: {reason}.") from None
    return text.decode("utf-8", "replace")


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(65536))["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"it answered {error.code}; is it a kling-mock?"


command = Command(
    "report",
    report,
    [argument("url", "[URL]", required=False), *flags(ReportOptions)],
    help="Print the verdict of a running server; fail where a required rule is broken.",
    epilog=EPILOG,
)
