import requests
from job import run_job

run_job(lambda method, url, headers, body: requests.request(method, url, headers=headers, data=body).content)
