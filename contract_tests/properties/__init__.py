"""The properties of the contract by section of their catalogue: A what is sent, B making the job, C polling,
D reading the result, E transport, F the process, G what comes together."""

from __future__ import annotations

from kling_mock.trace_rules.register import RULES

from . import (
    a_payload,
    a_request,
    b_create,
    b_repeats,
    c_ending,
    c_outage,
    c_poll,
    d_downloads,
    d_result,
    d_words,
    e_connections,
    e_transport,
    f_process,
    g_together,
)
from .base import Context, Failure, Profile, Property

__all__ = ["PROPERTIES", "Context", "Failure", "Profile", "Property"]

_MODULES = (
    a_payload,
    a_request,
    b_create,
    b_repeats,
    c_ending,
    c_outage,
    c_poll,
    d_downloads,
    d_result,
    d_words,
    e_connections,
    e_transport,
    f_process,
    g_together,
)

_FOUND = {one.id: one for module in _MODULES for one in module.SECTION.properties}
PROPERTIES: dict[str, Property] = {id: _FOUND[id] for id in RULES if id in _FOUND}
"""Every property by its id, in the order of the catalogue."""
