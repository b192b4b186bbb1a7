"""Loaded into every Python process under `kling-mock run`, before the program's own code."""

import os
import sys


def _start() -> None:
    """Read what the parent wrote down and hook this process; a sentence where that is not possible."""
    try:
        import json
        import types

        with open(os.environ["KLING_MOCK_RUN"]) as file:
            config = json.load(file)
        # The parent's package under another name: its own __init__ and its dependencies stay unimported.
        package = types.ModuleType("_kling_mock")
        package.__path__ = [config["package"]]
        sys.modules["_kling_mock"] = package
        child = __import__("_kling_mock.interception.child.python.hook", fromlist=["hook"])
        child.hook(config)
    except (FileNotFoundError, KeyError):
        pass  # the run is over, or this process belongs to none
    except Exception as error:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write(f"kling-mock run: this Python {version} cannot be hooked: {error!r}\n")


def _chain() -> None:
    """Load the sitecustomize that this one stands in front of."""
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_start()
_chain()
