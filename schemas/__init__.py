"""Vendored OpenAPI documents of the Kling variants, as data."""
