"""OpenAPI documents as files: reading, checking and comparing them."""

__all__: list[str] = []
