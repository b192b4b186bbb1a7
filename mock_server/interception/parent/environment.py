"""The environment of a child: hooks for Python and Node, a proxy and an authority for everything else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ...server import MockServer
from .java import java_options
from .run_directory import BUNDLE_VARIABLES, NODE_BRIEF, NODE_PRELOAD, PYTHON_STARTUP, RUBY_HOOK, RunDirectory

__all__ = [
    "BUNDLE_VARIABLES",
    "PROXY_VARIABLES",
    "brief_environment",
    "child_environment",
    "control_environment",
]

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def child_environment(
    folder: RunDirectory, proxy: str, *, fast_forward: bool, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment that leads a child's calls to the gateway; nothing else of the machine is changed.

    `proxy` is the gateway's URL for programs without a hook, with its password.
    """
    environment = dict(environ)
    environment["KLING_MOCK_RUN"] = str(folder.config)
    for name in PROXY_VARIABLES:
        environment[name] = proxy
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = folder.no_proxy
    for name in BUNDLE_VARIABLES:
        environment[name] = str(folder.bundle)
    environment["NODE_EXTRA_CA_CERTS"] = str(folder.node_authorities)
    environment["WGETRC"] = str(folder.wgetrc)
    paths = [str(PYTHON_STARTUP), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if "faketime" not in environ.get("LD_PRELOAD", ""):
        # libfaketime around a program changes its time of day: what the hooks measure by stays the parent's.
        environment |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    if fast_forward:
        environment["PATH"] = os.pathsep.join([str(folder.tools), environment.get("PATH", os.defpath)])
    _require(environment, NODE_PRELOAD)
    java = [
        environment.get("JAVA_TOOL_OPTIONS", ""),
        java_options(folder.bundle.read_bytes(), proxy, folder.path),
    ]
    if java[1]:
        environment["JAVA_TOOL_OPTIONS"] = " ".join(option for option in java if option)
    if " " not in str(NODE_PRELOAD):  # Bun takes no quotes there
        bun = [environment.get("BUN_OPTIONS", ""), f"--preload={NODE_PRELOAD}"]
        environment["BUN_OPTIONS"] = " ".join(option for option in bun if option)
    environment.setdefault("DENO_NO_UPDATE_CHECK", "1")
    # An empty entry stands for the folder that PHP was built with.
    environment["PHP_INI_SCAN_DIR"] = f"{environment.get('PHP_INI_SCAN_DIR', '')}:{folder.path / 'php'}"
    if " " not in str(RUBY_HOOK):  # Ruby knows no quotes there
        ruby = [environment.get("RUBYOPT", ""), f"-r{RUBY_HOOK}"]
        environment["RUBYOPT"] = " ".join(option for option in ruby if option)
    return environment


def control_environment(server: MockServer) -> dict[str, str]:
    """Where a child finds the control API of its mock, and the token for it."""
    url = server.url
    for anywhere, here in (("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")):
        url = url.replace(f"//{anywhere}:", f"//{here}:")
    token = server.settings.control_token
    return {"KLING_MOCK_URL": url} | ({"KLING_MOCK_CONTROL_TOKEN": token} if token else {})


def brief_environment(
    folder: RunDirectory, proxy: str, *, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a child that is started hundreds of times: in virtual time, and quick to start."""
    environment = child_environment(folder, proxy, fast_forward=True, environ=environ)
    environment["NODE_EXTRA_CA_CERTS"] = ""
    _require(environment, NODE_BRIEF)
    return environment


def _require(environment: dict[str, str], file: Path) -> None:
    """Load a file into every Node process before the program's own code."""
    # Node takes quotes and backslashes in this variable as a shell would.
    escaped = str(file).replace("\\", "\\\\").replace('"', '\\"')
    options = [environment.get("NODE_OPTIONS", ""), f'--require "{escaped}"']
    environment["NODE_OPTIONS"] = " ".join(option for option in options if option)
