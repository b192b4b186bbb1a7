"""How the application is served: sockets, the event loop, the HTTP protocol, and when all of it is idle."""

__all__: list[str] = []
