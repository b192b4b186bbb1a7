import httpx
from job import run_job

with httpx.Client() as client:
    run_job(
        lambda method, url, headers, body: client.request(method, url, headers=headers, content=body).content
    )
