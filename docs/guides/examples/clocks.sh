#!/usr/bin/env bash
# A job that lets others pass, with its three clocks set; its place in the queue while it waits.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

location=$(curl -sS --fail-with-body -o /dev/null -w '%header{location}' -X POST "$api/v1/models/iris/predict" \
  -H "$auth" -H 'Content-Type: application/json' \
  -d '{"input": [5.1, 3.5, 1.4, 0.2], "priority": "low",
       "queue_timeout_s": 60, "execution_timeout_s": 10, "result_ttl_s": 3600}')

unfinished='"status":"(queued|running)"'
while job=$(curl -sS --fail-with-body -H "$auth" "$api$location") && [[ $job =~ $unfinished ]]; do
  [[ $job =~ '"position":'([0-9]+) ]] && echo "place ${BASH_REMATCH[1]} in the queue"
  sleep 1
done
echo "$job"
