"""Clients that the contract kit is tried on: the reference in three forms, and the broken ones."""
