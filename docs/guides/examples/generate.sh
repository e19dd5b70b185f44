#!/usr/bin/env bash
# Prints a text as it is generated.
set -euo pipefail
api=${FORETELL_URL:-http://127.0.0.1:3000}
auth="Authorization: Bearer ${FORETELL_API_KEY:-}"

event=''
while IFS= read -r line; do
  case $line in
    event:*) event=${line#event: } ;;
    data:*)
      if [[ $event == output ]]; then # {"from":12,"tokens":3,"text":" as it \"grows\""}
        text=${line#*'"text":"'} text=${text%'"}'}
        printf '%b' "${text//'\"'/'"'}"
      elif [[ $event == end ]]; then
        echo
        [[ $line == *'"status":"succeeded"'* ]]
        exit
      fi
      ;;
  esac
done < <(curl -sSN --fail-with-body -X POST "$api/v1/models/austen/predict" -H "$auth" \
  -H 'Content-Type: application/json' -H 'Accept: text/event-stream' \
  -d '{"input": "It is a truth", "parameters": {"max_tokens": 40}, "cancel_on_disconnect": true}')
echo 'the line broke' >&2
exit 1
