import asyncio

import httpx
from job import run_job_async


async def main() -> None:
    async with httpx.AsyncClient() as client:

        async def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
            return (await client.request(method, url, headers=headers, content=body)).content

        await run_job_async(send)


asyncio.run(main())
