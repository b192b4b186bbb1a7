"""The half of an interception that runs in kling-mock: gateway, certificates, processes, clock, summary."""

__all__: list[str] = []
