import http.client
from urllib.parse import urlsplit

from job import run_job


def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.netloc)
    connection.request(method, f"{parts.path}?{parts.query}", body, headers)
    content = connection.getresponse().read()
    connection.close()
    return content


run_job(send)
