#!/usr/bin/env bash
# The newest jobs of one order that succeeded, a page at a time.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

cursor=''
while
  page=$(curl -sS --fail-with-body -G "$api/v1/jobs" -H "$auth" -d limit=100 ${cursor:+-d "cursor=$cursor"} \
    -d model=iris -d status=succeeded -d "metadata.order=${1:-17}" -d created_after=2026-01-01T00:00:00Z)
  echo "$page"
  [[ $page =~ '"next_cursor":"'([^\"]+) ]]
do
  cursor=${BASH_REMATCH[1]}
done
