"""The one place that says the version: the package, its metadata and HAR files read it here."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
