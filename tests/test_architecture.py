"""The picture of imports: no module is above and below another one, and each half keeps to itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "kling_mock"
FOLDERS = {
    "mock_server": PACKAGE,
    "fixtures": f"{PACKAGE}.fixtures",
    "contract_tests": f"{PACKAGE}.contract_tests",
}
"""Each folder with the package as which it installs."""
STARTED = ("interception/child",)
"""Parts that run in processes of their own, where they find each other by file."""
ALLOWED = {f"{PACKAGE}.fixtures.marker", f"{PACKAGE}.fixtures.plugin"}
"""A known cycle: the words of one ini option are in the plugin, which alone may be loaded always."""

Graph = Mapping[str, frozenset[str]]


@lru_cache
def files() -> dict[str, Path]:
    """Every module by its name as it installs."""
    found: dict[str, Path] = {}
    for folder, package in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if not any(part in path.as_posix() for part in STARTED):
                found[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return found


def statements(path: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports of a module: those within functions and those for type checkers alone as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def named(module: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The names that a statement imports, with all that stands before them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        here = module.split(".")
        package = here if files()[module].name == "__init__.py" else here[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
    yield from (f"{base}.{alias.name}" for alias in node.names)


@lru_cache
def graph() -> Graph:
    """Each module with the modules that it imports, whether it does so always, late or for types alone."""
    known = files()
    found: dict[str, frozenset[str]] = {}
    for module, path in known.items():
        names = {name for node in statements(path) for name in named(module, node)}
        modules = {name if name in known else name.rpartition(".")[0] for name in names}
        found[module] = frozenset(name for name in modules & set(known) if name != module)
    return found


def in_cycles(arrows: Graph) -> set[str]:
    """The modules that stand in a cycle, or between two: what is left without those that end somewhere."""
    left = {module: set(names) for module, names in arrows.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        ends = {module for module, names in left.items() if not names or module not in imported}
        if not ends:
            return set(left)
        left = {module: names - ends for module, names in left.items() if module not in ends}


def reached(start: str) -> set[str]:
    """All modules that a module imports, by others too; the package as such leads nowhere."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph()[waiting.pop()] - found - {PACKAGE}:
            found.add(name)
            waiting.append(name)
    return found


@pytest.mark.slow
def test_the_walk_sees_imports_of_every_kind() -> None:
    arrows = graph()
    assert len(arrows) > 100
    assert f"{PACKAGE}.events" in arrows[f"{PACKAGE}.clock"]
    # For types alone, and within a function.
    assert f"{PACKAGE}.workspace" in arrows[f"{PACKAGE}.api.poll"]
    assert f"{PACKAGE}.exchanges.har" in arrows[f"{PACKAGE}.control.routes"]
    assert in_cycles({"a": frozenset("b"), "b": frozenset("ca"), "c": frozenset()}) == {"a", "b"}
    assert in_cycles({"a": frozenset("b"), "b": frozenset("c"), "c": frozenset()}) == set()


def test_no_module_imports_itself_by_others() -> None:
    # The package is the list of public names: it points at their homes for type checkers, and is no home.
    arrows = {module: names for module, names in graph().items() if module != PACKAGE}
    assert in_cycles({module: names - {PACKAGE} for module, names in arrows.items()}) <= ALLOWED


@pytest.mark.slow
def test_of_the_package_itself_its_modules_take_the_version_alone() -> None:
    taken = {
        (module, name)
        for module, path in files().items()
        if module.count(".") and not module.startswith((f"{PACKAGE}.fixtures", f"{PACKAGE}.contract_tests"))
        for node in statements(path)
        for name in named(module, node)
        if name not in files() and name.rpartition(".")[0] == PACKAGE
    }
    assert {name for _, name in taken} <= {f"{PACKAGE}.__version__"}, taken


@pytest.mark.slow
def test_the_server_imports_neither_the_fixtures_nor_the_contract_tests() -> None:
    mapped = tuple(f"{PACKAGE}.{folder}" for folder in ("fixtures", "contract_tests", "schemas"))
    for module, path in files().items():
        if module.startswith(mapped):
            continue
        for node in statements(path):
            names = list(named(module, node))
            assert not any(name.startswith(mapped) for name in names), (module, names)


@pytest.mark.parametrize(
    ("module", "may"),
    [
        ("errors", set()),
        ("real_time", set()),
        ("events", set()),
        ("units", {"errors"}),
        ("clock", {"errors", "events", "units", "timing", "real_time"}),
        ("traffic", {"errors", "events", "units", "timing", "real_time", "clock"}),
    ],
)
def test_the_lowest_modules_import_nothing_above(module: str, may: set[str]) -> None:
    above = reached(f"{PACKAGE}.{module}") - {f"{PACKAGE}.{name}" for name in may}
    assert not above


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("exchanges", ("api", "app", "control", "common", "workspace", "store", "serving", "server")),
        ("store", ("api", "app", "control", "common", "workspace", "serving", "server", "exchanges")),
        ("jobs.plan", ("api", "app", "control", "common", "workspace", "serving", "server", "store")),
        ("workspace", ("api", "app", "control", "common", "serving", "server")),
        ("api", ("app", "control", "server", "cli", "interception")),
        ("control", ("app", "server", "cli", "interception")),
        ("app", ("server", "cli", "interception")),
    ],
)
def test_no_arrow_runs_back_up(module: str, never: tuple[str, ...]) -> None:
    lower = [
        name for name in graph() if name == f"{PACKAGE}.{module}" or name.startswith(f"{PACKAGE}.{module}.")
    ]
    assert lower
    for name in lower:
        above = {f"{PACKAGE}.{room}" for room in never}
        wrong = {
            found
            for found in reached(name)
            if any(found == room or found.startswith(f"{room}.") for room in above)
        }
        assert not wrong, (name, sorted(wrong))
