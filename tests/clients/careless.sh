#!/bin/bash
# A client of curl and jq, whose one argument may be `retries`: curl's own retry, which covers the create too.
route="${KLING_BASE_URL%/}/video/generations"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/body"
retry=()
[ "${1:-}" = retries ] && retry=(--retry 2 --retry-delay 1 --retry-all-errors)
die() { echo "error: $*" >&2; exit 1; }
ask() {
  curl -sS "${retry[@]}" -K - -o "$folder/answer" -w '%{http_code}' --compressed "$@" 2> "$folder/trouble" \
    <<< "header = \"Authorization: Bearer $KLING_API_KEY\""
}
code=$(ask -m 60 -H 'Content-Type: application/json' -H 'Expect:' --data-binary "@$folder/body" "$route") \
  || die "the create: $(cat "$folder/trouble"); a job may have been made"
[ "$code" = 200 ] || [ "$code" = 201 ] || die "the create: $code $(head -c 400 "$folder/answer")"
id=$(jq -er '.id | strings | select(. != "")' "$folder/answer") || die "no id: a job may have been made"
for _ in $(seq 60); do
  if [ "$code" = 200 ] || [ "$code" = 201 ]; then
    case $(jq -r '.status // ""' "$folder/answer" 2> /dev/null) in
      completed | succeeded) jq -er '.video.url // empty' "$folder/answer" || die "$id completed without a URL"; exit ;;
      error) die "$id failed: $(jq -c .error "$folder/answer")" ;;
    esac
  fi
  sleep "${KLING_POLL_INTERVAL:-0.2}"
  code=$(ask -m 20 -G --data-urlencode "generation_id=$id" "$route") || code=0
done
die "$id did not end in time"
