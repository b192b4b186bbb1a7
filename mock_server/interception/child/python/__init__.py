"""Hooks for Python processes; `startup` is put in front of their import path."""

__all__: list[str] = []
