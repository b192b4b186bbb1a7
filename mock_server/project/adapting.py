"""What stands between the kit's call and a function that is called otherwise."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from ..catalog import load_catalog
from ..errors import TargetError
from .arguments import ADDRESSES, KEYS, is_address_variable, is_key_variable
from .probing import Argument, Shape

__all__ = ["ADAPTER", "Call", "call_of"]

ADAPTER = "kling_adapter"
"""The module of the adapter."""


@dataclass(frozen=True)
class Call:
    """How the tests call a client: the module, its function, the adapter's text where there is to be one."""

    module: str
    name: str
    is_async: bool
    fields: tuple[str, ...] | None
    """The fields that it takes by name; None where it takes one payload."""
    adapter: str | None = None


def call_of(shape: Shape) -> Call:
    """How to call a function; raises `TargetError` where nobody can tell how."""
    address = _first(shape, ADDRESSES)
    key = _first(shape, KEYS)
    rest = [one for one in shape.arguments if one not in (address, key)]
    fields = _fields(shape, rest)
    if _fits(shape, address, key):
        return Call(shape.module, shape.name, shape.is_async, fields)
    settings = _settings(shape, address, key)
    return Call(
        ADAPTER, "generate", shape.is_async, fields, _text(shape, address, key, rest, fields, settings)
    )


def _fits(shape: Shape, address: Argument | None, key: Argument | None) -> bool:
    """Whether the kit's own call works as it is."""
    open_ended = any(one.kind == "VAR_KEYWORD" for one in shape.arguments)
    first = shape.arguments[0]
    return (
        (open_ended if address is None else address.name == "base_url")
        and (open_ended if key is None else key.name == "api_key")
        and first not in (address, key)
        and (first.kind != "KEYWORD_ONLY" or first.name in _known())
    )


def _first(shape: Shape, names: frozenset[str]) -> Argument | None:
    """The argument of one of these names, which can be given by name."""
    by_name = [one for one in shape.arguments if one.kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")]
    return next((one for one in by_name if one.name in names), None)


def _fields(shape: Shape, rest: list[Argument]) -> tuple[str, ...] | None:
    """The fields that are taken by name; `TargetError` where an argument is neither payload nor field."""
    named = [one for one in rest if not one.kind.startswith("VAR_")]
    if not named:
        if any(one.kind == "VAR_POSITIONAL" for one in rest):
            return None
        raise TargetError(
            f"{shape.target} takes no payload: expected generate(payload, *, base_url, api_key)."
        )
    known = _known()
    by_name = named[0].name in known
    needed = [one.name for one in named[0 if by_name else 1 :] if one.required]
    strange = [name for name in needed if not by_name or name not in known]
    if strange:
        raise TargetError(
            f"{shape.target} needs {', '.join(strange)} as well: expected a function like "
            "generate(payload, *, base_url, api_key), which gives that itself."
        )
    return tuple(one.name for one in named if one.name in known) if by_name else None


@functools.cache
def _known() -> frozenset[str]:
    """The names of all fields of all models."""
    catalog = load_catalog()
    return frozenset(
        name for one in catalog.variants for name in catalog.create_schema(one.model)["properties"]
    )


def _settings(shape: Shape, address: Argument | None, key: Argument | None) -> dict[str, str]:
    """What is set before a call, each to the kit's argument, where the function has no argument for it.

    Constants of the module, and variables of the environment that it reads when it is called.
    """
    keys = [name for name in shape.constants if is_key_variable(name)]
    others = [name for name in shape.constants if name not in keys]
    read = [name for name in shape.environment if is_key_variable(name) or is_address_variable(name)]
    variables = {f'os.environ["{name}"]': "api_key" if is_key_variable(name) else "base_url" for name in read}
    found: dict[str, str] = {}
    if address is None:
        found |= {f"{shape.module}.{name}": "base_url" for name in others if len(others) == 1}
        found |= {name: value for name, value in variables.items() if value == "base_url"}
        if not found:
            raise TargetError(
                f"{shape.target} takes no base URL: expected generate(payload, *, base_url, api_key). A "
                "program with the address written into it runs unchanged under: kling-mock run"
            )
    if key is None:
        found |= {f"{shape.module}.{name}": "api_key" for name in keys if len(keys) == 1}
        found |= {name: value for name, value in variables.items() if value == "api_key"}
    return found


def _text(
    shape: Shape,
    address: Argument | None,
    key: Argument | None,
    rest: list[Argument],
    fields: tuple[str, ...] | None,
    settings: dict[str, str],
) -> str:
    """The adapter's module."""
    if fields is None:
        first = rest[0]
        by_name = first.kind in ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")
        signature, given = "payload", [f"{first.name}=payload" if by_name else "payload"]
    else:
        # A default that cannot be written stays the function's own. Behind the star the order is free.
        taken = [one for one in rest if one.name in fields and (one.required or one.default is not None)]
        signature = ", ".join(["*", *(_written(one) for one in taken)])
        given = [f"{one.name}={one.name}" for one in taken]
    signature += ", base_url, api_key" if fields is not None else ", *, base_url, api_key"
    given += [f"{address.name}=base_url"] if address else []
    given += [f"{key.name}=api_key"] if key else []
    sets = "".join(f"    {name} = {value}\n" for name, value in settings.items())
    imports = "import os\n\n" if "os.environ" in sets else ""
    word, wait = ("async def", "await ") if shape.is_async else ("def", "")
    return (
        '"""The client as kling-mock calls it: it returns the URL of the video, or raises."""\n\n'
        f"{imports}import {shape.module}\n\n\n"
        f"{word} generate({signature}):\n{sets}"
        f"    return {wait}{shape.module}.{shape.name}({', '.join(given)})\n"
    )


def _written(one: Argument) -> str:
    return one.name if one.required else f"{one.name}={one.default}"
