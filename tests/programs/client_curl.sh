#!/bin/sh
# The same job with curl, and with the shell's sleep between polls.
set -e
url=https://api.aimlapi.com/v2/video/generations
auth="Authorization: Bearer test-key"
body='{"model": "kling-video/v1/standard/image-to-video", "prompt": "x", "image_url": "https://example.com/a.jpeg"}'
id=$(curl -sS "$url" -H "$auth" -H "Content-Type: application/json" -d "$body" | sed 's/.*"id": *"\([^"]*\)".*/\1/')
statuses=""
while :; do
  answer=$(curl -sS -G "$url" -H "$auth" --data-urlencode "generation_id=$id")
  status=$(printf %s "$answer" | sed 's/.*"status": *"\([^"]*\)".*/\1/')
  statuses="$statuses, \"$status\""
  case $status in queued | generating) sleep 15 ;; *) break ;; esac
done
video=$(printf %s "$answer" | sed 's/.*"url": *"\([^"]*\)".*/\1/')
bytes=$(curl -sS "$video" | wc -c)
printf '{"statuses": [%s], "bytes": %d, "url": "%s"}\n' "${statuses#, }" "$bytes" "$video"
