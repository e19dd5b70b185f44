"""cancel-retry.py job_…: cancels a job, and gives it another attempt."""

import json
import os
import sys
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}", "Prefer": "wait=60"}
JOB = f"{API}/v1/jobs/{sys.argv[1]}"


def request(method, url):
    with urlopen(Request(url, headers=HEADERS, method=method), timeout=90) as answer:
        return json.load(answer)


# 200 also where it was canceled before; 409 where it ended otherwise.
print(request("POST", f"{JOB}/cancel")["status"])
# The same id: what failed, was canceled or expired goes back to the queue.
print(request("POST", f"{JOB}/retry")["status"])
job = request("GET", JOB)
print(job["status"], "after", ", ".join(earlier["status"] for earlier in job["attempt_history"]))
