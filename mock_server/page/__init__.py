"""The live page at `/_mock/`: files for a browser, and who gets them."""

from .routes import page_routes

__all__ = ["page_routes"]
