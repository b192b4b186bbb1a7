"""The files that a project gets."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from ..errors import TargetError
from ..programs import no_program
from . import templates
from .adapting import ADAPTER, call_of
from .probing import Shape
from .scripts import DRIVER, driver_of, exported

__all__ = ["Plan", "plan_for_command", "plan_for_function", "plan_for_script"]

MODEL = "klingai/v2.5-turbo/pro/text-to-video"
SCRIPTS = (".js", ".mjs", ".cjs", ".ts", ".py", ".rb", ".sh", ".jar")
PAYLOAD = {"model": MODEL, "prompt": "A fox in the snow"}


@dataclass(frozen=True)
class Plan:
    """The client, and the text of each file by its path in the project."""

    client: str
    files: Mapping[str, str]


def plan_for_function(shape: Shape, folder: Path) -> Plan:
    """The files for a function in Python; `TargetError` where it cannot be called."""
    call = call_of(shape)
    files = {f"{ADAPTER}.py": call.adapter} if call.adapter is not None else {}
    given = {name: value for name, value in PAYLOAD.items() if call.fields is None or name in call.fields}
    target = f"{call.module}:{call.name}"
    files["tests/test_kling_client.py"] = templates.function_tests(
        call.module, call.name, given, by_name=call.fields is not None, is_async=call.is_async
    )
    return Plan(shape.target, files | _common(repr(target).replace("'", '"'), folder))


def plan_for_command(words: Sequence[str], folder: Path) -> Plan:
    """The files for a command; `TargetError` where its program, or the script that it names, is not there."""
    if shutil.which(words[0], path=None) is None and not (folder / words[0]).is_file():
        raise TargetError(no_program(words[0]))
    script = next((word for word in words[1:] if PurePath(word).suffix in SCRIPTS), None)
    if script is not None and not (folder / script).is_file():
        raise TargetError(f"The client cannot be run: there is no file {script} in {folder}.")
    return Plan(" ".join(words), _of_command(words, folder))


def plan_for_script(file: PurePath, name: str, folder: Path) -> Plan:
    """The files for a function of a module in JavaScript; `TargetError` where it cannot be called."""
    if not (folder / file).is_file():
        raise TargetError(f"The client cannot be run: there is no file {file.as_posix()} in {folder}.")
    found = {one.name: one for one in exported(file, (folder / file).read_text("utf-8", "replace"))}
    if name not in found:
        known = f"it has {', '.join(found)}" if found else "it has none with parameters that could be read"
        raise TargetError(f"{file.as_posix()} exports no function {name!r}; {known}.")
    driver = {DRIVER: driver_of(found[name])}
    return Plan(f"{file.as_posix()}:{name}", driver | _of_command(["node", DRIVER], folder))


def _of_command(words: Sequence[str], folder: Path) -> dict[str, str]:
    written = "[" + ", ".join(templates.quoted(word) for word in words) + "]"
    tests = {"tests/test_kling_client.py": templates.command_tests(written, PAYLOAD)}
    return tests | _common(written, folder, node=PurePath(words[0]).name == "node")


def _common(target: str, folder: Path, *, node: bool = False) -> dict[str, str]:
    """The contract test, the workflow, and what coding agents have to know."""
    return {
        "tests/test_kling_contract.py": templates.contract_tests(target, MODEL),
        ".github/workflows/kling-client.yml": templates.workflow(
            requirements=(folder / "requirements.txt").exists(),
            package=(folder / "pyproject.toml").exists(),
            node=node,
            node_packages=(folder / "package-lock.json").exists(),
        ),
        "AGENTS.md": templates.AGENTS,
    }
