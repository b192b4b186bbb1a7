"""Answering an unmodified program in place of the provider."""
