"""Where the state of a workspace is kept: what a store promises, and the one in this process's memory."""

from .base import UNBOUNDED, AddResult, JobBounds, Store, StoreCounts, Suspended, Told, at_once
from .memory import MemoryStore

__all__ = [
    "UNBOUNDED",
    "AddResult",
    "JobBounds",
    "MemoryStore",
    "Store",
    "StoreCounts",
    "Suspended",
    "Told",
    "at_once",
]
