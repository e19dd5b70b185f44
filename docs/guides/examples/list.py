"""The newest jobs of one order that succeeded, a page at a time."""

import json
import os
import sys
from urllib.parse import urlencode
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {"Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}"}

query = {
    "model": "iris",
    "status": "succeeded",
    "metadata.order": sys.argv[1] if len(sys.argv) > 1 else "17",
    "created_after": "2026-01-01T00:00:00Z",
    "limit": 100,
}
while True:
    with urlopen(Request(f"{API}/v1/jobs?{urlencode(query)}", headers=HEADERS), timeout=30) as answer:
        page = json.load(answer)
    for job in page["data"]:
        print(job["id"], job["status"], job["created_at"])
    if page["next_cursor"] is None:
        break
    query["cursor"] = page["next_cursor"]
