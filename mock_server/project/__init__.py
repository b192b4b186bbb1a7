"""What `kling-mock init` writes into somebody's project: finding a client, calling it, the files."""

from __future__ import annotations

from .finding import candidates
from .planning import Plan, plan_for_command, plan_for_function, plan_for_script
from .probing import Shape, probe
from .scripts import SUFFIXES
from .writing import write

__all__ = [
    "SUFFIXES",
    "Plan",
    "Shape",
    "candidates",
    "plan_for_command",
    "plan_for_function",
    "plan_for_script",
    "probe",
    "write",
]
