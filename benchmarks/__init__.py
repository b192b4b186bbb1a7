"""What kling-mock costs, measured against a bare uvicorn application: `python -m benchmarks`."""
