"""Submits once, however often it has to send, and polls until the job has ended."""

import json
import os
import random
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}"}


def send(request):
    """Sends again what may succeed later. A POST needs an Idempotency-Key for that."""
    for attempt in range(1, 6):
        delay = 2**attempt * 0.25 * random.uniform(0.5, 1.5)
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except HTTPError as error:
            if attempt == 5 or error.code != 429 and error.code < 500:
                raise
            delay = float(error.headers.get("Retry-After", delay))
        except (URLError, OSError):
            if attempt == 5:
                raise
        time.sleep(delay)


# The same key and the same body are the same job: a retry after a lost answer makes no second one.
key = sys.argv[1] if len(sys.argv) > 1 else "order-17"
job = send(
    Request(
        f"{API}/v1/models/iris/predict",
        json.dumps({"input": [5.1, 3.5, 1.4, 0.2]}).encode(),
        {**HEADERS, "Content-Type": "application/json", "Idempotency-Key": key},
    )
)
while job["status"] in ("queued", "running"):
    time.sleep(1)
    job = send(Request(f"{API}/v1/jobs/{job['id']}", headers=HEADERS))
print(job["id"], job["status"], job["output"] and job["output"]["label"])
