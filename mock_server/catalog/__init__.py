"""The variants with their contracts, and what is known of their times, sound and prices."""

from .catalogue import Catalog
from .documents import resolve
from .loading import load_catalog
from .model_facts import Facts
from .variants import CREATE_PATH, CURRENT_PATHS, MODEL_TYPE, Variant
from .vendors import Vendor, Vendors

__all__ = [
    "CREATE_PATH",
    "CURRENT_PATHS",
    "MODEL_TYPE",
    "Catalog",
    "Facts",
    "Variant",
    "Vendor",
    "Vendors",
    "load_catalog",
    "resolve",
]
