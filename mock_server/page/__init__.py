"""The live page at `/_mock/`: files for a browser, and who gets them."""

from .routes import is_page, page_routes

__all__ = ["is_page", "page_routes"]
