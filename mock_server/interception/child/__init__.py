"""The half of an interception that runs in the client: a child of `run`, or this process (`intercept`).

The standard library only, for Python 3.9 as well; nothing of `parent` is imported.
"""

__all__: list[str] = []
