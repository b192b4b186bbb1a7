"""The yardstick: a uvicorn application with one constant answer, on uvloop and httptools."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

__all__ = ["application", "main"]

Message = MutableMapping[str, Any]

BODY = b'{"id":"rLCxsu-1_rTBBGbBC6JFJ","status":"queued"}'
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))],
}
END: Message = {"type": "http.response.body", "body": BODY}


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer everything with the same 49 bytes; bodies are read, as any server has to."""
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
    await send(START)
    await send(END)


def main() -> None:
    """Serve on a free loopback port and say where."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
    )
    # Printed before uvicorn accepts: the socket queues whoever comes in the meantime.
    print(f"bare uvicorn ready at http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
