"""What of an interception runs in the client's process: a child of `run`, or this one (`intercept`).

The standard library only, for Python 3.9 as well; nothing of `parent` is imported.
"""

__all__: list[str] = []
