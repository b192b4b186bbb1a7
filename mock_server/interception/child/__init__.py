"""The half of an interception that runs in the client: the standard library only, for older Pythons too."""

__all__: list[str] = []
