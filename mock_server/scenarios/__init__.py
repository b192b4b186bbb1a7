"""Scenarios: what a server does, as data."""
