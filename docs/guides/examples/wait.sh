#!/usr/bin/env bash
# Submits and waits in the same request; goes on waiting where that was not enough.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

answer=$(curl -sS --fail-with-body -w '\n%header{location}' -X POST "$api/v1/models/iris/predict" \
  -H "$auth" -H 'Prefer: wait=30' -H 'Content-Type: application/json' -d '{"input": [5.1, 3.5, 1.4, 0.2]}')
job=${answer%$'\n'*} location=${answer##*$'\n'}

unfinished='"status":"(queued|running)"'
while [[ $job =~ $unfinished ]]; do
  job=$(curl -sS --fail-with-body -H "$auth" -H 'Prefer: wait=60' "$api$location")
done
echo "$job"
