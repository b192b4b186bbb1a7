"""What the parent and its children both know: the standard library only, for Python 3.9 as well."""

__all__: list[str] = []
