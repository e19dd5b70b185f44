#!/usr/bin/env bash
# Submits once, however often it has to send, and polls until the job has ended.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

# The same key and the same body are the same job: a retry after a lost answer makes no second one.
location=$(curl -sS --fail-with-body --retry 5 --retry-all-errors -o /dev/null -w '%header{location}' \
  -X POST "$api/v1/models/iris/predict" -H "$auth" -H 'Content-Type: application/json' \
  -H "Idempotency-Key: ${1:-order-17}" -d '{"input": [5.1, 3.5, 1.4, 0.2]}')

unfinished='"status":"(queued|running)"'
while job=$(curl -sS --fail-with-body --retry 5 -H "$auth" "$api$location") && [[ $job =~ $unfinished ]]; do
  sleep 1
done
echo "$job"
