#!/usr/bin/env bash
# Submits a job and asks to be called back at its end.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

curl -sS --fail-with-body -X POST "$api/v1/models/iris/predict" -H "$auth" -H 'Content-Type: application/json' \
  -d '{"input": [5.1, 3.5, 1.4, 0.2], "webhook": {"url": "'"${1:-http://127.0.0.1:9000/hook}"'"}}'
