"""Receives callbacks, and believes only those that Foretell signed in the last five minutes."""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        id, timestamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        digest = hmac.digest(SECRET, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
        ours = "v1," + base64.b64encode(digest).decode()
        # There are several while a secret is being replaced.
        signed = any(hmac.compare_digest(ours, one) for one in self.headers["webhook-signature"].split())
        fresh = abs(time.time() - int(timestamp)) < 300
        self.send_response(204 if signed and fresh else 401)
        self.end_headers()
        if signed and fresh:
            # A delivery can come twice: its id is the same then.
            event = json.loads(body)
            job = event["data"]
            print(id, event["type"], job["id"], job["output"] and job["output"]["label"], flush=True)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Hook)
print("listening", flush=True)
server.serve_forever()
