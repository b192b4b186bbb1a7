#!/bin/sh
# The same job with wget.
set -e
url=https://api.aimlapi.com/v2/video/generations
auth="Authorization: Bearer test-key"
body='{"model": "kling-video/v1/standard/image-to-video", "prompt": "x", "image_url": "https://example.com/a.jpeg"}'
get() { wget -q -O - --header "$auth" "$@"; }
id=$(get --header "Content-Type: application/json" --post-data "$body" "$url" | sed 's/.*"id": *"\([^"]*\)".*/\1/')
statuses=""
while :; do
  answer=$(get "$url?generation_id=$id")
  status=$(printf %s "$answer" | sed 's/.*"status": *"\([^"]*\)".*/\1/')
  statuses="$statuses, \"$status\""
  case $status in queued | generating) sleep 15 ;; *) break ;; esac
done
video=$(printf %s "$answer" | sed 's/.*"url": *"\([^"]*\)".*/\1/')
bytes=$(wget -q -O - "$video" | wc -c)
printf '{"statuses": [%s], "bytes": %d, "url": "%s"}\n' "${statuses#, }" "$bytes" "$video"
