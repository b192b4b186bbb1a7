"""The control API as an OpenAPI document: operations, what they take and what they answer."""

from .document import control_document

__all__ = ["control_document"]
