import asyncio

import aiohttp
from job import run_job_async


async def main() -> None:
    async with aiohttp.ClientSession() as session:

        async def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
            async with session.request(method, url, headers=headers, data=body) as answer:
                return await answer.read()

        await run_job_async(send)


asyncio.run(main())
