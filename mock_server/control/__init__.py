"""The control API under `/_mock/`, for tests and people, and its page."""

from .routes import control_routes

__all__ = ["control_routes"]
