"""What was said: exchanges, the journal that keeps them, HAR files, log lines, and what of it is secret."""

__all__: list[str] = []
