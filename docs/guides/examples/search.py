"""Finds the text that is nearest to a question in its meaning, by the cosine of their vectors."""

import json
import os
import struct
from base64 import b64decode
from urllib.request import Request, urlopen

API = os.environ.get("FORETELL_URL", "http://127.0.0.1:3000")
HEADERS = {
    "Authorization": f"Bearer {os.environ.get('FORETELL_API_KEY', '')}",
    "Content-Type": "application/json",
    "Prefer": "wait=30",
}
TEXTS = [
    "Insert the paper and choose how many copies to print.",
    "Plug the headphones in to hear the sound.",
    "Delete files that are no longer needed to free space on the disk.",
]


def embed(texts):
    parameters = {"encoding_format": "base64", "dimensions": 64}
    body = json.dumps({"inputs": texts, "parameters": parameters}).encode()
    with urlopen(Request(f"{API}/v1/models/sentences/predict", body, HEADERS), timeout=60) as answer:
        outputs = json.load(answer)["outputs"]
    return [struct.unpack("<64f", b64decode(output["embedding"])) for output in outputs]


question, *vectors = embed(["How do I use the printer?", *TEXTS])
cosines = [sum(a * b for a, b in zip(question, vector)) for vector in vectors]
print(TEXTS[cosines.index(max(cosines))])
