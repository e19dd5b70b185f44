#!/usr/bin/env bash
# cancel-retry.sh job_…: cancels a job, and gives it another attempt.
set -euo pipefail
job="${FORETELL_URL:-http://127.0.0.1:3000}/v1/jobs/$1"
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

# 200 also where it was canceled before; 409 where it ended otherwise.
curl -sS --fail-with-body -X POST "$job/cancel" -H "$auth"
echo
# The same id: what failed, was canceled or expired goes back to the queue.
curl -sS --fail-with-body -X POST "$job/retry" -H "$auth"
echo
curl -sS --fail-with-body "$job" -H "$auth" -H 'Prefer: wait=60'
