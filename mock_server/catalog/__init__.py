"""The variants with their contracts, and what is known of their times, sound and prices."""

from .documents import resolve
from .variants import CREATE_PATH, LEGACY_PATH, Catalog, Facts, Variant, load_catalog

__all__ = ["CREATE_PATH", "LEGACY_PATH", "Catalog", "Facts", "Variant", "load_catalog", "resolve"]
