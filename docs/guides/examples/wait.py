"""Submits and waits in the same request; goes on waiting where that was not enough."""

import json
import os
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}"}


def request(path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(API + path, data, {**HEADERS, **headers}), timeout=90) as answer:
        return json.load(answer)


job = request(
    "/v1/models/iris/predict",
    {"input": [5.1, 3.5, 1.4, 0.2]},
    **{"Content-Type": "application/json", "Prefer": "wait=30"},
)
while job["status"] in ("queued", "running"):
    job = request(f"/v1/jobs/{job['id']}", Prefer="wait=60")
print(job["status"], job["output"] and job["output"]["label"])
