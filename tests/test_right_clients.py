"""Right clients of many designs: nobody of them is accused, at level strict, whatever is drawn."""

from __future__ import annotations

import importlib.util
import math
import shutil
from collections.abc import Sequence

import pytest

from kling_mock.contract_tests.driving.clients import Client, load_callable
from kling_mock.contract_tests.driving.commands import CommandClient
from kling_mock.contract_tests.driving.keep_alive import KeepAliveClient
from kling_mock.contract_tests.properties import PROPERTIES
from kling_mock.contract_tests.running.events import Finished
from kling_mock.contract_tests.running.falsifier import Limits
from kling_mock.contract_tests.running.session import Plan, verify
from tests.clients.right import __all__ as names
from tests.clients.zoo import HERE, IMAGE, TEXT
from tests.support import mostly_long

OLDER = "kling-video/v2.1/standard/image-to-video"
WITH_DEFAULTS = "klingai/video-v3-pro-text-to-video"
MODELS = {"uses_the_older_path": OLDER, "says_defaults": WITH_DEFAULTS, "in_threads": IMAGE}
NODE_MODULES = HERE.parent / "node" / "node_modules"
DRAWN = ("A1", "A2", "A9", "A11", "B1", "B6", "C8", "C9", "C13")
"""Properties that a seed changes anything for."""
OF_SLOW_ONES = {
    "by_curl": ("A7", "A8", "B4", "B5", "C2", "C11", "D3", "D6"),
    "on_trio": ("A7", "B2", "B11", "C2", "C9", "C18", "E1", "E2", "E4", "E5"),
}
"""What the test command asks of those that take long for each request: they start a program, or a loop."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


ALL_PAIRS = ("backs_off", "by_aiohttp", "in_threads", "uses_the_older_path")
"""Designs that are tried with all pairs of behaviours too: they differ most in how they speak and wait."""
ALONE = [one.id for one in PROPERTIES.values() if one.id not in ("C1", "G1")]


def checked(name: str, seed: int, properties: Sequence[str]) -> Finished:
    """How one of the right clients fares with these properties; none stands for all of them and all pairs."""
    if name == "on_trio" and importlib.util.find_spec("trio") is None:
        pytest.skip("needs trio")
    if name == "by_curl" and shutil.which("curl") is None:
        pytest.skip("needs curl")
    plan = Plan(
        models=[MODELS.get(name, TEXT)],
        properties=properties,
        level="strict",
        limits=Limits(max_examples=3 if properties is DRAWN else 1, seconds=math.inf),
        seed=seed,
    )
    return verify(load_callable(f"tests.clients.right:{name}"), plan)


def accusations(finished: Finished) -> list[str]:
    """What the client is accused of, advice included."""
    assert finished.summary.problem == ""
    assert any(result.result == "passed" for result in finished.results)
    return [
        f"{result.id}: {result.counterexample and result.counterexample.says}"
        for result in finished.results
        if result.result not in ("passed", "skipped")
    ]


@pytest.mark.parametrize("name", mostly_long(names, 9))
def test_a_right_client_is_never_accused(name: str) -> None:
    properties = [] if name in ALL_PAIRS else OF_SLOW_ONES.get(name, ALONE)
    assert accusations(checked(name, 1, properties)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in names if name not in OF_SLOW_ONES])
def test_nor_is_it_with_other_cases(name: str) -> None:
    assert accusations(checked(name, 2, DRAWN)) == []


@pytest.mark.parametrize("name", ["breaks_the_circuit", "shares_its_connections", "hands_over"])
def test_what_a_module_remembers_of_earlier_checks_is_held_against_nobody(name: str) -> None:
    for seed in (1, 2):
        assert accusations(checked(name, seed, ("A2", "B2"))) == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "seed"), [("on_trio", 1), ("on_trio", 2), ("by_curl", 1)])
def test_nor_is_a_slow_one_by_any_property(name: str, seed: int) -> None:
    assert accusations(checked(name, seed, ALONE)) == []


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("words", [("fetch",), ("axios",), ("undici",), ("fetch", "stay")], ids=" ".join)
def test_nor_is_one_in_javascript(words: tuple[str, ...], seed: int) -> None:
    if shutil.which("node") is None or not (words[0] == "fetch" or (NODE_MODULES / words[0]).is_dir()):
        pytest.skip(f"needs Node with {words[0]}: `npm install --prefix tests/node`")
    kind = KeepAliveClient if "stay" in words else CommandClient
    assert_clean_as_a_command(kind(["node", str(HERE / "reference.mjs"), *words]), seed, ALONE)


@pytest.mark.long
def test_nor_is_one_that_bun_runs() -> None:
    bun = shutil.which("bun") or shutil.which("bun", path=str(NODE_MODULES / ".bin"))
    if bun is None:
        pytest.skip("needs Bun: `npm install --prefix tests/node`")
    assert_clean_as_a_command(CommandClient([bun, str(HERE / "reference.mjs"), "fetch"]), 1, ALONE)


@pytest.mark.long
@pytest.mark.parametrize("words", [("php", "right.php"), ("ruby", "right.rb")], ids=lambda words: words[0])
def test_nor_is_one_in_php_or_ruby(words: tuple[str, str]) -> None:
    program, file = words
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    assert_clean_as_a_command(CommandClient([program, str(HERE / file)]), 1, ALONE)


def assert_clean_as_a_command(client: Client, seed: int, properties: Sequence[str]) -> None:
    """No property accuses a program."""
    plan = Plan(
        models=[TEXT],
        properties=properties,
        level="strict",
        limits=Limits(max_examples=1, seconds=math.inf),
        seed=seed,
    )
    assert accusations(verify(client, plan)) == []


def test_there_are_many_designs() -> None:
    assert len(names) >= 12
    assert set(ALL_PAIRS) <= set(names)
    assert set(DRAWN).union(*OF_SLOW_ONES.values()) <= set(PROPERTIES)
