"""Functions that a module in JavaScript exports, and the driver by which one of them is a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ..errors import TargetError
from .arguments import ADDRESSES, KEYS, is_address_variable, is_key_variable

__all__ = ["DRIVER", "SUFFIXES", "Script", "driver_of", "exported"]

DRIVER = "kling_driver.mjs"
SUFFIXES = frozenset({".js", ".mjs", ".cjs"})
_NAME = r"[A-Za-z_$][\w$]*"
_FUNCTION = re.compile(
    rf"^(export\s+(?:default\s+)?)?(?:async\s+)?function\s+({_NAME})\s*\(([^)]*)\)"
    rf"|^(export\s+)?const\s+({_NAME})\s*=\s*(?:async\s*)?\(([^)]*)\)\s*=>",
    re.MULTILINE,
)
_LISTED = re.compile(r"(?:\bexport\s*|\bmodule\.exports\s*=\s*)\{([^}]*)\}")
_ALONE = re.compile(rf"\b(?:export\s+default|module\.exports\s*=)\s+({_NAME})|\bexports\.({_NAME})\s*=")
_VARIABLE = re.compile(r"\bprocess\.env(?:\.([A-Za-z_]\w*)|\[[\"']([^\"']+)[\"']\])")
_BASE, _KEY = "baseUrl", "apiKey"


@dataclass(frozen=True)
class Script:
    """An exported function with its parameters, as its file writes them."""

    file: PurePath
    name: str
    parameters: tuple[str, ...]
    text: str
    """All of the file."""

    @property
    def takes_address(self) -> bool:
        """Whether one of the parameters is the base URL."""
        return any(_BASE in _known(self, one).values() for one in self.parameters)


def exported(file: PurePath, text: str) -> list[Script]:
    """The functions with parameters that a module exports."""
    listed = {word for names in _LISTED.findall(text) for word in re.findall(_NAME, names)}
    listed |= {name for pair in _ALONE.findall(text) for name in pair if name}
    found = []
    for match in _FUNCTION.finditer(text):
        is_exported, name, parameters = match.groups()[:3] if match[2] else match.groups()[3:]
        taken = tuple(_parted(parameters))
        if taken and (is_exported or name in listed):
            found.append(Script(file, name, taken, text))
    return found


def driver_of(script: Script) -> str:
    """The program that calls a function with the payload on stdin.

    Raises `TargetError` where nobody can tell how.
    """
    first, *others = script.parameters
    named = [_known(script, first), *(_known(script, other) for other in others)]
    given = [f"{{ ...payload, {_written(named[0])} }}" if named[0] else "payload"]
    given += [_passed(parameter, known) for parameter, known in zip(others, named[1:], strict=True)]
    for parameter, known in zip(others, named[1:], strict=True):
        if not known and "=" not in parameter and not parameter.startswith("{"):
            raise TargetError(
                f"{script.file.as_posix()}:{script.name} needs {parameter} as well: expected a function like "
                "generate(payload, { baseUrl, apiKey }), which gives that itself."
            )
    variables = _variables(script.text)
    reached = {value for names in [*named, variables] for value in names.values()}
    if _BASE not in reached and "KLING_BASE_URL" not in script.text:
        raise TargetError(
            f"{script.file.as_posix()}:{script.name} takes no base URL: expected "
            "generate(payload, { baseUrl, apiKey }), or one that it reads from the environment. A program "
            "with the address written into it runs unchanged under: kling-mock run"
        )
    return _program(script, given, variables)


def _program(script: Script, given: list[str], variables: dict[str, str]) -> str:
    base = "process.env.KLING_BASE_URL"
    if "/v2/video/generations" in script.text:
        base += '.replace(/\\/v2$/, "")'
    lines = [
        "// The client as kling-mock starts it: the payload on stdin, the URL of the video as the last line",
        "// of stdout; a failure is an exit status of 1 and its message.",
        'import { text } from "node:stream/consumers";',
        "",
        f"const baseUrl = {base};",
        "const apiKey = process.env.KLING_API_KEY;",
        *(f"process.env.{name} = {value};" for name, value in variables.items()),
        "",
        f"const client = await import({json.dumps('./' + script.file.as_posix())});",
        f"const {script.name} = client.{script.name} ?? client.default?.{script.name} ?? client.default;",
        "const payload = JSON.parse(await text(process.stdin));",
        f"const made = await {script.name}({', '.join(given)});",
        'console.log(typeof made === "string" ? made : (made?.video?.url ?? made?.url));',
    ]
    return "\n".join(lines) + "\n"


def _parted(parameters: str) -> Iterator[str]:
    """The parameters of a list, whose commas within braces and brackets part nothing."""
    depth, begun = 0, 0
    for place, sign in enumerate(parameters):
        depth += (sign in "{[") - (sign in "}]")
        if sign == "," and not depth:
            yield parameters[begun:place].strip()
            begun = place + 1
    if last := parameters[begun:].strip():
        yield last


def _known(script: Script, parameter: str) -> dict[str, str]:
    """What a parameter is given, by name: of an object each of its properties that the function reads."""
    bare = parameter.partition("=")[0].strip()
    if parameter.startswith("{"):
        inner = parameter[1 : parameter.rfind("}")]
        names = [re.split(r"[:=]", one, maxsplit=1)[0].strip() for one in _parted(inner)]
    elif _meant(bare) is None and re.fullmatch(_NAME, bare):
        names = re.findall(rf"(?<![\w$.]){re.escape(bare)}\??\.({_NAME})", script.text)
    else:
        names = [bare]
    meant = {name: _meant(name) for name in names}
    return {name: value for name, value in meant.items() if value is not None}


def _meant(name: str) -> str | None:
    plain = name.replace("_", "").lower()
    if plain in {one.replace("_", "") for one in ADDRESSES}:
        return _BASE
    return _KEY if plain in {one.replace("_", "") for one in KEYS} else None


def _passed(parameter: str, known: dict[str, str]) -> str:
    """The argument for a parameter behind the first one."""
    if not known:
        return "undefined"
    bare = parameter.partition("=")[0].strip()
    return known[bare] if bare in known else f"{{ {_written(known)} }}"


def _written(names: dict[str, str]) -> str:
    return ", ".join(name if name == value else f"{name}: {value}" for name, value in names.items())


def _variables(text: str) -> dict[str, str]:
    """The variables of the environment for the base URL and the key that a module reads."""
    names = dict.fromkeys(one or other for one, other in _VARIABLE.findall(text))
    return {
        name: _KEY if is_key_variable(name) else _BASE
        for name in names
        # Those of the kit's own are set already.
        if name not in ("KLING_BASE_URL", "KLING_API_KEY")
        and re.fullmatch(_NAME, name)
        and (is_key_variable(name) or is_address_variable(name))
    }
