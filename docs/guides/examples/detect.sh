#!/usr/bin/env bash
# Finds the digits in a picture: detect.sh picture.png
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

curl -sS --fail-with-body -X POST "$api/v1/models/digit-detector/predict" \
  -H "$auth" -H 'Prefer: wait=30' -F "input=@$1" -F 'parameters={"score_threshold": 0.5}'
