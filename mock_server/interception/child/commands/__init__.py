"""Commands that wait or tell the time, for shells: `sleep` and `date`, each started by `start.py`."""

__all__: list[str] = []
