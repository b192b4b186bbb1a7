"""Which names and addresses are this machine: one answer, in Python and in Node's hook."""

from __future__ import annotations

import http.client
import ipaddress
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_mock import MockServer, ServerError
from kling_mock.hostnames import is_loopback, is_this_machine, plain_name
from kling_mock.interception.parent.host_policy import Hosts
from kling_mock.interception.parent.run_directory import NODE_PRELOAD
from tests.running import needs_node

LOOPBACK = [
    "localhost",
    "LocalHost.",
    "a.b.localhost",
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::1%lo",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "[::FFFF:127.1.2.3]",
]
ANY = ["0.0.0.0", "::", "[::]"]
ELSEWHERE = [
    "",
    ".",
    "example.com",
    "localhost.example.com",
    "notlocalhost",
    "127.example.com",
    "127.1",
    "127.0.0.1.example.com",
    "128.0.0.1",
    "10.0.0.1",
    "::2",
    "::ffff:10.0.0.1",
    "fe80::1%eth0",
    "2130706433",
    "0x7f.0.0.1",
]
CASES = [(host, True, True) for host in LOOPBACK] + [(host, False, True) for host in ANY]
CASES += [(host, False, False) for host in ELSEWHERE]


@pytest.mark.parametrize(("host", "loopback", "here"), CASES)
def test_what_is_this_machine(host: str, loopback: bool, here: bool) -> None:
    assert (is_loopback(host), is_this_machine(host)) == (loopback, here)


@given(st.ip_addresses())
def test_an_address_is_loopback_as_the_standard_library_has_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert is_loopback(str(address)) is (mapped or address).is_loopback


@given(st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_an_address_of_ipv4_is_the_same_as_one_of_ipv6(address: ipaddress.IPv4Address) -> None:
    assert is_loopback(str(address)) and is_loopback(f"::ffff:{address}")


@needs_node
def test_nodes_hook_is_of_one_mind() -> None:
    source = """
const { isLoopback, isThisMachine, plainName } = require(process.argv[1]);
const hosts = JSON.parse(process.argv[2]);
const said = (host) => [host, isLoopback(host), isThisMachine(host), plainName(host)];
console.log(JSON.stringify(hosts.map(said)));
"""
    module = NODE_PRELOAD.with_name("hostnames.cjs")
    words = json.dumps([host for host, *_ in CASES])
    done = subprocess.run(["node", "-e", source, str(module), words], capture_output=True, check=True)
    assert json.loads(done.stdout) == [[*case, plain_name(case[0])] for case in CASES]


def test_an_offline_run_leaves_this_machine_alone_by_any_of_its_names() -> None:
    hosts = Hosts(offline=True)
    assert {hosts.decide(host) for host in [*LOOPBACK, *ANY]} == {"pass"}
    assert {hosts.decide(host) for host in ELSEWHERE} == {"refuse"}


def test_a_server_that_listens_on_every_address_is_controlled_from_this_machine() -> None:
    """It sees a client of IPv4 as one of IPv6."""
    server = MockServer(host="::")
    try:
        server.start()
    except ServerError:
        pytest.skip("there is no IPv6 on this machine")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/_mock/jobs")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        server.stop()
