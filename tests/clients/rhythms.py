"""Clients at any pace: a client of the zoo that polls every so many seconds, or less and less often."""

from __future__ import annotations

from typing import TypeVar, cast

from .reference import Client

__all__ = ["RHYTHMS", "paced"]

Paced = TypeVar("Paced", bound=Client)

RHYTHMS = ("1", "5", "10", "15", "30", "exponential")
"""Seconds between polls, or 1, 2, 4 and so on up to 30."""
LONGEST = 30.0
BUDGET = 320.0
"""Seconds that a client waits for a job, where its bug is not that it waits too long or too short."""


class Doubling:
    """An interval that is twice as long each time that it is asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, client: object, owner: type) -> float:
        if client is None:
            return 1.0
        interval: float = vars(client).get(self._name, 1.0)
        setattr(client, self._name, min(2 * interval, LONGEST))
        return interval


def paced(client: type[Paced], rhythm: str) -> type[Paced]:
    """The client in a rhythm of `RHYTHMS`, with a budget that suits each of them."""
    interval = Doubling() if rhythm == "exponential" else float(rhythm)
    changes: dict[str, object] = {"poll_interval": interval}
    if client.poll_budget == Client.poll_budget:
        changes["poll_budget"] = BUDGET
    made = type(client.__name__, (client,), {**changes, "__module__": client.__module__})
    return cast("type[Paced]", made)
