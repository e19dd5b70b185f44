"""Finds the digits in a picture, then asks a classifier about each of them: detect.py picture.png"""

import base64
import json
import os
import sys
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {
    "Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}",
    "Content-Type": "application/json",
    "Prefer": "wait=30",
}


def predict(model, body):
    request = Request(f"{API}/v1/models/{model}/predict", json.dumps(body).encode(), HEADERS)
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


with open(sys.argv[1], "rb") as file:
    picture = base64.b64encode(file.read()).decode()

found = predict("digit-detector", {"input": picture})["output"]["detections"]
# A box is a crop: the picture is sent once for each, and only that part of it is looked at.
parts = [{"image": picture, "crop": each["box"]} for each in found]
answers = predict("digits", {"inputs": parts})["outputs"] if parts else []
for each, answer in zip(found, answers):
    print(each["label"], each["score"], each["box"], "classifier:", answer["label"])
