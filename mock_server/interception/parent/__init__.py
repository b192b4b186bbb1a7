"""What of an interception runs in kling-mock: the gateway, certificates, processes, the summary."""

__all__: list[str] = []
