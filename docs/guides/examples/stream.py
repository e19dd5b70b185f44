"""Shows a job's events as they happen. A line that breaks is taken up after the last event seen."""

import http.client
import json
import os
import sys
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}"}


def parse(lines):
    """The events of one connection."""
    event = {}
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            event[name] = value
            continue
        # There are blocks without data, such as heartbeats.
        if "data" in event:
            yield event
        event = {}


def events(path):
    """All events of a job, each once, over as many connections as it takes."""
    last = {}
    while True:
        try:
            # Heartbeats come every 15 s: a line that is silent for longer is dead.
            with urlopen(Request(API + path, headers={**HEADERS, **last}), timeout=40) as answer:
                for event in parse(answer):
                    last = {"Last-Event-ID": event["id"]}
                    yield event
                    if event["event"] == "end":
                        return
        except HTTPError as error:
            if error.code < 500:
                raise
        except (OSError, http.client.HTTPException) as error:
            print("the line broke:", error, file=sys.stderr)
        time.sleep(1)


inputs = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
submission = Request(
    f"{API}/v1/models/iris/predict",
    json.dumps({"inputs": inputs}).encode(),
    {**HEADERS, "Content-Type": "application/json"},
)
with urlopen(submission, timeout=30) as answer:
    job = json.load(answer)
for event in events(f"/v1/jobs/{job['id']}/events"):
    print(event["event"], event["data"])
