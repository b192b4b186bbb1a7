"""The properties of the contract by section of their catalogue: A what is sent, B making the job, C polling,
D reading the result, E transport, F the process."""

from __future__ import annotations

from .a_request import SECTION as A
from .b_create import SECTION as B
from .base import Context, Failure, Profile, Property
from .c_poll import SECTION as C
from .d_result import SECTION as D
from .e_transport import SECTION as E
from .f_process import SECTION as F
from .g_together import SECTION as G

__all__ = ["PROPERTIES", "Context", "Failure", "Profile", "Property"]

PROPERTIES: dict[str, Property] = {
    one.id: one for section in (A, B, C, D, E, F, G) for one in section.properties
}
"""Every property by its id, in the order of the catalogue."""
