"""`kling-mock init`: first tests, the contract test, a workflow and AGENTS.md for the project of a client."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from ..command_options import InitOptions
from ..errors import SettingsError
from ..options import options_of, read_options
from .commands import Command, argument, flags

if TYPE_CHECKING:
    from ..project import Plan

__all__ = ["command"]

EPILOG = """\
examples:
  kling-mock init
  kling-mock init --dry-run
  kling-mock init my_package.client:generate
  kling-mock init src/client.mjs:generate
  kling-mock init -- node client.mjs

Run it in the project's folder. It looks for a function or a program that speaks to video/generations, and
asks on a terminal where there are several. A file that is there already is never touched; what an
AGENTS.md of yours could say is in `kling-mock docs coding-agents`.
"""


def init(given: Mapping[str, Any]) -> int:
    """Write what is missing; exit status 0, also where nothing was."""
    from ..project import write

    options = read_options(options_of(InitOptions), given)
    folder = Path.cwd()
    plan = _plan(given["target"] or "", tuple(given["command"]), folder)
    missing = {name: text for name, text in plan.files.items() if not os.path.lexists(folder / name)}
    if not options["dry_run"]:
        write(folder, missing)
    print(f"client: {plan.client}")
    for name in plan.files:
        if name not in missing:
            print(f"kept, it is there already: {name}")
        elif options["dry_run"]:
            print(f"\nwould write {name}\n\n{_indented(plan.files[name])}")
        else:
            print(f"written: {name}")
    if not missing:
        print("Nothing was written: all files are there already.")
    elif not options["dry_run"]:
        print("Now run: python -m pytest tests/test_kling_client.py tests/test_kling_contract.py")
    return 0


def _plan(target: str, words: Sequence[str], folder: Path) -> Plan:
    """The files for the client that is named, or found."""
    from ..project import SUFFIXES, plan_for_command, plan_for_function, plan_for_script, probe

    if target and words:
        raise SettingsError("expected one client: MODULE:FUNCTION, or a command after --.")
    found = _found(folder) if not target and not words else ""
    target = target or found
    file, _, name = target.rpartition(":")
    if PurePath(file).suffix in SUFFIXES and not words:
        return plan_for_script(PurePath(file), name, folder)
    if found and (":" not in found or " " in found):
        words = _words(found)
    if words:
        return plan_for_command(words, folder)
    return plan_for_function(probe(target, folder), folder)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise SettingsError(f"{line!r} is no command: {error}.") from None


def _found(folder: Path) -> str:
    """The one client of the folder, or the one that is chosen on the terminal."""
    from ..project import candidates

    found = candidates(folder)
    if len(found) == 1:
        return found[0]
    if sys.stdin is not None and sys.stdin.isatty():
        return _asked(found)
    how = "Name one: kling-mock init MODULE:FUNCTION, or kling-mock init -- node client.mjs"
    if found:
        raise SettingsError(f"there are several clients here: {', '.join(found)}. {how}")
    raise SettingsError(
        f"no client was found in {folder}: expected a function in Python or JavaScript, or a Node program "
        f"that reads its payload from stdin, in a file that names video/generations. {how}"
    )


def _asked(found: Sequence[str]) -> str:
    """The answer of whoever sits at the terminal: a number, or a client in words."""
    for number, name in enumerate(found, 1):
        print(f"{number}  {name}")
    try:
        answer = input("The client (a number, MODULE:FUNCTION, or a command): ").strip()
    except EOFError:
        answer = ""
    if not answer:
        raise SettingsError("no client was named, and nothing was written.")
    if answer.isdecimal() and 1 <= int(answer) <= len(found):
        return found[int(answer) - 1]
    return answer


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines()).rstrip("\n")


command = Command(
    "init",
    init,
    [argument("target", "TARGET", required=False), *flags(InitOptions)],
    help="Write a client's first tests, contract test, workflow and AGENTS.md into this folder's project.",
    epilog=EPILOG,
    usage="[options] [MODULE:FUNCTION | FILE.mjs:FUNCTION | -- CMD [ARG ...]]",
    behind="command",
)
