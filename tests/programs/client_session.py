"""requests with a session, a bundle of certificates given by hand, and no proxy from the environment."""

import certifi
import requests
from job import run_job

session = requests.Session()
session.trust_env = False
session.verify = certifi.where()
run_job(lambda method, url, headers, body: session.request(method, url, headers=headers, data=body).content)
