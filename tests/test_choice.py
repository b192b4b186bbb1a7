"""What was chosen for the next creates, and what changes it."""

from __future__ import annotations

import http.client
import json

import pytest

from kling_mock import MockServer, Scenario, UnknownScenario

from .support import PATHS, body_for, create


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


@pytest.mark.slow
def test_the_counts_of_a_thousand_texts_are_kept_and_no_more(server: MockServer) -> None:
    body = json.dumps(body_for())
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def status_of(text: int) -> int:
        # Blanks make another text of the same scenario.
        headers = {
            "Authorization": "Bearer k",
            "Content-Type": "application/json",
            "X-Mock-Scenario": f"server-error;{' ' * text}times=1",
        }
        connection.request("POST", PATHS[0], body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    try:
        assert {status_of(text) for text in range(1000)} == {500}
        assert status_of(0) == 200, "the first text is still known to have struck"
        assert status_of(1000) == 500
        assert status_of(0) == 500, "one text more, and the oldest is forgotten"
    finally:
        connection.close()
