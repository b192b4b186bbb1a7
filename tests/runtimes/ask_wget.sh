wget -qO /dev/null https://api.aimlapi.com/v1/models && echo 200
wget -qO /dev/null https://example.com || echo refused
sleep 4
