"""Modules that run in the parent and in its children: the standard library only, for Python 3.9 as well."""

__all__: list[str] = []
