import random
import re
import uuid

import schemathesis

GOOD_KEY = re.compile(r"[ -~]{1,255}")
LONGEST_START = 255 - 36


@schemathesis.hook
def before_call(context, case, kwargs):
    """What is generated twice would be the same key with another body, which is refused as it should be.

    Whoever tries wrong keys from one address has to wait, so each request has its own.
    """
    case.headers["X-Forwarded-For"] = f"10.{random.getrandbits(8)}.{random.getrandbits(8)}.{random.getrandbits(8)}"
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and GOOD_KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{key[:LONGEST_START]}{uuid.uuid4()}"
