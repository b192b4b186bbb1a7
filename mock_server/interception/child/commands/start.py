"""Starts the stand-in for a command: `python -IS start.py NAME [ARG ...]`.

Neither the package nor anything that it depends on is imported: its folder gets another name.
"""

import os
import sys
import types

__all__ = ["start"]


def start(name: str) -> None:
    """Run the command of this name, with the arguments that are left in `sys.argv`."""
    package = types.ModuleType("_kling_mock")
    package.__path__ = [os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))]
    sys.modules["_kling_mock"] = package
    module = __import__(f"_kling_mock.interception.child.commands.{name}", fromlist=["main"])
    module.main()


if __name__ == "__main__":
    start(sys.argv.pop(1))
