"""Mistakes that are planted on purpose, and a client without one: what all that judges is tried on."""
