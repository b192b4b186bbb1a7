"""A soak: `python -m tests.hostile.soak --requests 300000`. Memory must be flat after the first tenth.

Creates and polls go over 32 connections that stay; jobs finish at once and make room for others, so that
every bound is reached within the first tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from urllib.parse import quote

from ..support import MODEL, PATHS
from .fuzz import Served, served

__all__ = ["soak"]

CONNECTIONS = 32
PARTS = 10
FLAT = 0.05
"""How much more memory the end may take than the first tenth."""
BODY = json.dumps({"model": MODEL, "prompt": "A fox in the snow"}).encode()
KEY = b"Host: 127.0.0.1\r\nAuthorization: Bearer soak-key\r\n"
CREATE = b"POST %b HTTP/1.1\r\n%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    PATHS[0].encode(), KEY, len(BODY), BODY,
)  # fmt: skip


async def soak(server: Served, requests: int) -> list[float]:
    """The memory in MB after each tenth of so many requests, of which every answer is looked at."""
    sizes: list[float] = []
    for _ in range(PARTS):
        each = requests // PARTS // CONNECTIONS
        await asyncio.gather(*[_go_on(server.port, each) for _ in range(CONNECTIONS)])
        sizes.append(server.memory())
    return sizes


async def _go_on(port: int, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = CREATE
    for number in range(requests):
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        polled = f"GET {PATHS[0]}?generation_id={quote(body['id'], safe='')} HTTP/1.1\r\n".encode()
        sent = CREATE if number % 4 == 3 else polled + KEY + b"\r\n"
    writer.close()


def main() -> int:
    """Run by hand; exit status 1 where memory grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=300_000)
    wanted = parser.parse_args()
    with served("--polls", "0,0", "--max-jobs", "2000", "--max-exchanges", "1000") as server:
        sizes = asyncio.run(soak(server, wanted.requests))
        health = server.control("health")
    growth = sizes[-1] / sizes[0] - 1
    print(f"RSS after each tenth, MB: {', '.join(f'{size:.1f}' for size in sizes)}; growth {growth:.1%}")
    print(f"jobs made {health['jobs_made']}, kept {health['jobs']}; exchanges {health['exchanges']}")
    return 1 if growth > FLAT else 0


if __name__ == "__main__":
    sys.exit(main())
