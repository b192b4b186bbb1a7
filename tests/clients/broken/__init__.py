"""Broken clients by section of the catalogue: each is the reference client with one realistic bug."""
