"""What was chosen for the next creates, and what changes it."""

from __future__ import annotations

import pytest

from kling_mock import MockServer, Scenario, UnknownScenario

from .support import create


def made(server: MockServer, count: int) -> list[str]:
    """The names of the scenarios of so many creates."""
    for _ in range(count):
        create(server)
    return [job.scenario for job in server.jobs][-count:]


def _ids(server: MockServer) -> str | None:
    return server.scenario.ids


def test_options_that_are_about_something_else_leave_what_was_chosen(server: MockServer) -> None:
    server.use("failed")
    server.next("id-digits")
    server.configure(magic=False)
    server.configure(scenarios={"own": Scenario("own")}, strict=True)
    assert made(server, 2) == ["id-digits", "failed"]
    assert create(server, key="mock-nulls").status == 200
    assert made(server, 1) == ["failed"]


def test_a_scenario_that_is_configured_is_the_default_even_where_it_was_one_before(
    server: MockServer,
) -> None:
    server.use("failed")
    server.next("id-digits")
    server.configure(scenario="completed")
    assert made(server, 2) == ["id-digits", "completed"]
    server.reset()
    assert server.scenario.name == "completed"


def test_a_default_that_nobody_chose_anew_follows_the_scenario_of_its_name() -> None:
    own = Scenario("own", ids="digits")
    with MockServer(scenario="own", scenarios={"own": own}) as server:
        server.configure(scenarios={"own": own.replace(ids="uuid")})
        assert _ids(server) == "uuid"
        with pytest.raises(UnknownScenario):
            server.configure(scenarios={})
        assert _ids(server) == "uuid"
        server.reset()
        assert _ids(server) == "digits"


def test_counts_go_on_after_other_options_changed(server: MockServer) -> None:
    server.use("server-error;times=2")
    assert create(server).status == 500
    server.configure(magic=False)
    assert [create(server).status for _ in range(2)] == [500, 200]
