import urllib3
from job import run_job

pool = urllib3.PoolManager()
run_job(lambda method, url, headers, body: pool.request(method, url, headers=headers, body=body).data)
