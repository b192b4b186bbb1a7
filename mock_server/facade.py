"""What a test does with a running server, or with one workspace of it: the same words for both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Unpack

from .clock import Clock
from .exchanges.exchange import Exchange
from .job_view import JobView
from .jobs.charges import Charge
from .scenarios import Scenario
from .settings import ServerOptions, Settings
from .store import at_once
from .workspace import Workspace

__all__ = ["Facade"]


class Facade(ABC):
    """One workspace of a server that runs in this process."""

    @property
    @abstractmethod
    def space(self) -> Workspace:
        """The workspace that its clients use."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, without a slash at the end."""

    @abstractmethod
    def reset(self) -> None:
        """Forget jobs, exchanges, charges and queued scenarios; undo `configure`; end held answers.

        A request that is under way is broken off with its connection, and leaves nothing behind.
        """

    @property
    def settings(self) -> Settings:
        """The options in force."""
        return self.space.settings

    @property
    def base_url(self) -> str:
        """What a client is given instead of the provider's address; ends in `/v2`."""
        return f"{self.url}/v2"

    @property
    def api_key(self) -> str:
        """A key that it accepts."""
        return self.settings.api_key[0] if self.settings.api_key else "test-key"

    @property
    def clock(self) -> Clock:
        """The virtual clock: `advance`, `freeze`, `resume`, `speed`, `now`."""
        return self.space.clock

    @property
    def jobs(self) -> list[JobView]:
        """The jobs that were made, oldest first."""
        return [JobView(job, self.space) for job in at_once(self.space.store.jobs())]

    @property
    def exchanges(self) -> list[Exchange]:
        """What was said, oldest first."""
        return list(self.space.journal)

    @property
    def charges(self) -> list[Charge]:
        """What would have been billed: one charge per job made, `billed` false for one that ends in error."""
        return at_once(self.space.store.charges())

    @property
    def scenario(self) -> Scenario:
        """What happens to a create that asks for nothing else."""
        return self.space.scenario

    def use(self, scenario: Scenario | str, **fault: Any) -> None:
        """Make it the default scenario: a name, `NAME;times=2`, several with `+`, or a `Scenario`.

        `fault` are options of its faults, such as `times=2`.
        """
        self.space.use(self._told(scenario, fault))

    def next(self, scenario: Scenario | str, **fault: Any) -> None:
        """Let the next create have this scenario; several calls queue up. `fault` is as for `use`."""
        self.space.next(self._told(scenario, fault))

    def _told(self, scenario: Scenario | str, fault: Mapping[str, Any]) -> Scenario | str:
        return self.space.names.resolve(scenario).with_faults(**fault) if fault else scenario

    def configure(self, **options: Unpack[ServerOptions]) -> None:
        """Change options while it runs, until the next `reset`; those of the server itself stay as they are.

        A new pace replaces the old one: `queued="1m"` ends the going by polls, `polls=(1, 1)` the times.
        """
        self.space.configure(**options)
