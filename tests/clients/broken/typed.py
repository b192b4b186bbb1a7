"""Clients whose types are narrower than the answers that may come."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel

from ..reference import Client
from ..zoo import breaks

__all__: list[str] = []

Job = dict[str, Any]


class State(Enum):
    """The statuses that a typed client knows."""

    QUEUED = "queued"
    WAITING = "waiting"
    GENERATING = "generating"
    ACTIVE = "active"
    COMPLETED = "completed"
    SUCCEEDED = "succeeded"
    ERROR = "error"


@breaks("C3")
class EnumeratesStatuses(Client):
    """Reads the status into an enumeration, and ends with its ValueError at a new one."""

    def status_of(self, job: Job) -> Any:
        return State(job["status"]).value if "status" in job else None


class Answer(BaseModel):
    """What a typed client reads of a job."""

    status: Literal["queued", "waiting", "generating", "active", "completed", "succeeded", "error"] = "queued"


@breaks("C3")
class ModelsStatuses(Client):
    """Reads answers into a model of pydantic's, and ends with its ValidationError at a new status."""

    def status_of(self, job: Job) -> Any:
        return Answer.model_validate(job).status
