#!/usr/bin/env bash
# Shows a job's events as they happen. A line that breaks is taken up after the last event seen.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

location=$(curl -sS --fail-with-body -o /dev/null -w '%header{location}' -X POST "$api/v1/models/iris/predict" \
  -H "$auth" -H 'Content-Type: application/json' -d '{"inputs": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}')

last='' data=''
for attempt in {1..100}; do
  while IFS= read -r line; do
    case $line in
      id:*) id=${line#id: } ;;
      event:*) event=${line#event: } ;;
      data:*) data=${line#data: } ;;
      '') # The end of an event, or of something without data, such as a heartbeat.
        [[ $data ]] || continue
        echo "$event $data"
        [[ $event == end ]] && exit
        last=$id data=''
        ;;
    esac
  done < <(curl -sSN --fail --retry 5 -H "$auth" ${last:+-H "Last-Event-ID: $last"} "$api$location/events")
  wait $! || (($? != 22)) || exit 1 # 22: refused, so that asking again is no use.
  data=''
  sleep 1
done
echo "gave up after $attempt connections" >&2
exit 1
