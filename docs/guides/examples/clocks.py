"""A job that lets others pass, with its three clocks set; its place in the queue while it waits."""

import json
import os
import time
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}"}


def request(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {**HEADERS, "Content-Type": "application/json"} if data else HEADERS
    with urlopen(Request(API + path, data, headers), timeout=30) as answer:
        return json.load(answer)


job = request(
    "/v1/models/iris/predict",
    {
        "input": [5.1, 3.5, 1.4, 0.2],
        "priority": "low",
        "queue_timeout_s": 60,  # not started by then: expired
        "execution_timeout_s": 10,  # running for longer: failed, execution-timeout
        "result_ttl_s": 3600,  # after the end: forgotten
    },
)
while job["status"] in ("queued", "running"):
    if job["queue"]:
        print("place", job["queue"]["position"], "starts in", job["queue"]["eta_ms"], "ms")
    time.sleep(1)
    job = request(f"/v1/jobs/{job['id']}")
print(job["status"], (job["error"] or {}).get("code", "no error"), "kept until", job["expires_at"])
