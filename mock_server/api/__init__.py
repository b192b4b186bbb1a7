"""The API as clients see it: what each path answers, and how an answer goes over the wire."""

__all__: list[str] = []
