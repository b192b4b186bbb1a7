"""`kling-mock mcp`, driven by the official SDK's own client over standard input and output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer
from kling_mock.agents.bounded import MOST_TOKENS, cut, last_lines, tokens
from kling_mock.agents.verifying import shown_report

if TYPE_CHECKING:
    # Its types take a second to make: whoever only collects this file need not wait for them.
    from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "coding-agents.md").read_text(encoding="utf-8")
BODY = {"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "A fox"}
TOOLS = {
    "start_workspace", "choose_scenario", "read_jobs", "read_exchanges", "read_verdict", "move_clock",
    "verify_client", "explain",
}  # fmt: skip
CLIENT = """\
import json, urllib.request

def generate(payload, *, base_url, api_key):
    print("not of the protocol")
    headers = {"Authorization": "Bearer " + api_key, "Content-Type": "application/json"}
    body = json.dumps(payload).encode()
    for attempt in range(2):
        try:
            request = urllib.request.Request(base_url + "/video/generations", body, headers)
            return json.load(urllib.request.urlopen(request))["id"]
        except OSError:
            continue
    raise RuntimeError("no video")
"""


def server(folder: Path) -> StdioServerParameters:
    from mcp import StdioServerParameters

    environment = {name: value for name, value in os.environ.items() if not name.startswith("KLING_")}
    return StdioServerParameters(
        command=sys.executable, args=["-m", "kling_mock", "mcp"], env=environment, cwd=folder
    )


async def said(client: Client, tool: str, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    text: str = answer.content[0].text  # type: ignore[union-attr]
    assert not answer.is_error, text
    assert tokens(text) <= MOST_TOKENS
    return text


def post(started: Mapping[str, Any], body: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {started['api_key']}"}
    return httpx.post(f"{started['base_url']}/video/generations", json=body, headers=headers)


@pytest.mark.asyncio
async def test_an_agent_tries_a_client_and_reads_what_it_did() -> None:
    from mcp import Client

    from kling_mock.agents.serving import made_server

    with MockServer(polls=(1, 1)) as mock:
        await tries(Client(made_server(mock)))


async def tries(connection: Client) -> None:
    async with connection as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(listed) == TOOLS
        assert all(tool.description and tool.name in GUIDE for tool in listed.values())
        started = json.loads(await said(client, "start_workspace", workspace="one"))
        chosen = json.loads(
            await said(client, "choose_scenario", scenario="failed", next_create_only=True, workspace="one")
        )
        assert chosen["next"] == ["failed"]
        job = post(started, BODY | {"extra": 1}).json()["id"]
        assert "1 jobs, 0 of them billed" in await said(client, "read_jobs", workspace="one")
        exchanges = await said(client, "read_exchanges", kind="create", workspace="one")
        assert job in exchanges and "extra" in exchanges and started["api_key"] not in exchanges
        assert '"prompt' in await said(client, "read_exchanges", number=1, workspace="one")
        assert "A3 no-undocumented-fields" in await said(client, "read_verdict", workspace="one")
        await said(client, "move_clock", seconds=60, workspace="one")
        assert "no-blind-repost" in await said(client, "explain", word="B2")
        # Anew: nothing of before is left, and nobody else's is there.
        await said(client, "start_workspace", workspace="one")
        assert "no required rule broken; 0 jobs" in await said(client, "read_verdict", workspace="one")
        for tool, arguments, says in (
            ("choose_scenario", {"scenario": "faild", "workspace": "one"}, "Did you mean 'failed'"),
            ("read_jobs", {"workspace": "two"}, "There are one."),
            ("verify_client", {"target": "--save=x"}, "expected MODULE:FUNCTION or a command"),
        ):
            refused = await client.call_tool(tool, arguments)
            assert refused.is_error and says in refused.content[0].text  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_an_agent_gets_the_smallest_counterexample(tmp_path: Path) -> None:
    from mcp import Client

    (tmp_path / "agents_client.py").write_text(CLIENT, encoding="utf-8")
    async with Client(server(tmp_path)) as client:
        text = await said(
            client, "verify_client", target="agents_client:generate", properties=["B2"], max_examples=1
        )
        refused = await client.call_tool("verify_client", {"target": "no_such_module:f"})
        assert refused.is_error and "no_such_module" in refused.content[0].text  # type: ignore[union-attr]
    assert "broken: B2 no-blind-repost (R)" in text and "smallest counterexample, of B2" in text
    assert "mend: " in text and text.count("POST /v2/video/generations") == 2
    assert "again: kling-mock verify" in text


@given(text=st.text(), more=st.text(), most=st.integers(40, 200))
def test_no_text_is_longer_than_its_bound_and_what_is_missing_is_said(
    text: str, more: str, most: int
) -> None:
    assert tokens(text) <= len(text.encode("utf-8", "surrogatepass"))
    assert tokens(f"{text}\n{more}") <= tokens(text) + tokens(more) + 2
    short = cut(text, most)
    assert short == text if tokens(text) <= most else "characters in all" in short
    long = cut(text * 50 + more, most)
    assert tokens(long) <= most
    rows = last_lines(more, [f"{number} {text}" for number in range(200)], MOST_TOKENS, what="jobs")
    assert tokens(rows) <= MOST_TOKENS


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        # The most of what the tokenisers of three models make of them, counted once.
        ("qjzkwvxbptmfgdlchrny" * 25, 300),
        ("dQw4w9WgXcQ-_ab0ZzYyXx" * 10, 201),
        ("片狐狸走过雪地" * 20, 260),
        ("A fox walks through the snow at dawn. " * 20, 181),
    ],
)
def test_tokens_are_counted_rather_too_high_than_too_low(text: str, counted: int) -> None:
    assert counted <= tokens(text)


def test_a_counterexample_of_any_size_fits() -> None:
    line = {"at": 1.0, "method": "GET", "target": "/v2/x?y=" + "é" * 5000, "status": 200, "word": "w" * 500,
            "fault": "status"}  # fmt: skip
    example = {
        "says": "s" * 9000, "payload": {"prompt": "片" * 9000}, "trace": [line] * 500, "outcome": "o" * 9000,
        "command": "c" * 9000, "scenario": "t" * 90_000,
    }  # fmt: skip
    row = {"id": "B1", "name": "one", "level": "R", "result": "failed", "reason": "", "cost": "c" * 200,
           "mend": "m" * 200, "counterexample": example}  # fmt: skip
    summary = {"counts": {"failed": 50}, "runs": 1, "seconds": 1.0, "problem": "", "note": ""}
    text = shown_report({"properties": [row] * 50, "summary": summary})
    assert tokens(text) <= MOST_TOKENS
    assert "490 exchanges left out" in text and "again: c" in text
