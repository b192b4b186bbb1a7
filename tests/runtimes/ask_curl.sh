curl -so /dev/null -w '%{http_code}\n' https://api.aimlapi.com/v1/models
curl -so /dev/null https://example.com || echo refused
sleep 4
