"""Looking at a client's function, in a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..child_import import told_by_import
from ..errors import TargetError

__all__ = ["Argument", "Shape", "probe"]

_PROBE = """
import ast, importlib, inspect, json, os, sys
def read_when_called(module):
    # Names of variables that its functions read: os.environ["X"], os.environ.get("X"), os.getenv("X").
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError, RecursionError):
        return []
    calls = [node for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
             for part in one.body for node in ast.walk(part)]
    asked = [node.slice if isinstance(node, ast.Subscript) else node.args[0] for node in calls
             if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ")
             or isinstance(node, ast.Call) and node.args
             and ast.unparse(node.func).endswith(("environ.get", "getenv"))]
    return [one.value for one in asked if isinstance(one, ast.Constant) and isinstance(one.value, str)]
file, module, path, name = json.loads(sys.argv[1])
sys.path[:] = path
said = {}
try:
    loaded = importlib.import_module(module)
    value = getattr(loaded, name, None)
    kind = "function" if callable(value) else type(value).__name__
    said["kind"] = "class" if isinstance(value, type) else kind
    said["names"] = sorted(one for one in vars(loaded) if not one.startswith("_"))[:12]
    said["constants"] = [k for k, v in vars(loaded).items() if isinstance(v, str) and k.isidentifier()
                         and k.isupper() and ("aimlapi.com" in v or "KEY" in k or "TOKEN" in k)]
    said["environment"] = list(dict.fromkeys(read_when_called(loaded)))
    if said["kind"] == "function":
        said["is_async"] = inspect.iscoroutinefunction(value)
        said["arguments"] = [
            [one.name, one.kind.name, one.default is one.empty,
             repr(one.default) if isinstance(one.default, (str, int, float, bool, type(None))) else None]
            for one in inspect.signature(value).parameters.values()]
except BaseException as error:
    said["problem"] = f"{type(error).__name__}: {error}"
with open(file, "w", encoding="utf-8") as done:
    json.dump(said, done)
os._exit(0)
"""


@dataclass(frozen=True)
class Argument:
    """An argument of a function: its default as it is written, or None where it has none that can be."""

    name: str
    kind: str
    required: bool
    default: str | None


@dataclass(frozen=True)
class Shape:
    """How a function is called, and the constants of its module that may be an address or a key."""

    module: str
    name: str
    is_async: bool
    arguments: tuple[Argument, ...]
    constants: tuple[str, ...]
    environment: tuple[str, ...] = ()
    """The variables that functions of its module read when they are called."""

    @property
    def target(self) -> str:
        """`MODULE:FUNCTION`."""
        return f"{self.module}:{self.name}"


def probe(target: str, folder: Path) -> Shape:
    """The shape of the function `MODULE:FUNCTION`; raises `TargetError` that says what is wrong with it."""
    module, _, name = target.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise TargetError(
            f"The client {target!r} cannot be found: expected MODULE:FUNCTION such as my_client:generate, "
            "or a command after --, as in: kling-mock init -- node client.mjs"
        )
    said = json.loads(told_by_import(_PROBE, target, module, [name], folder=folder))
    if "problem" in said:
        raise TargetError(f"{target} cannot be imported: {said['problem']}.")
    if said["kind"] == "class":
        raise TargetError(
            f"{target} is a class: expected a function that makes an object of it and calls it."
        )
    if said["kind"] != "function":
        known = ", ".join(said["names"]) or "no public name"
        raise TargetError(f"{module} has no function {name!r}; it has {known}.")
    arguments = tuple(Argument(*one) for one in said["arguments"])
    return Shape(
        module, name, said["is_async"], arguments, tuple(said["constants"]), tuple(said["environment"])
    )
