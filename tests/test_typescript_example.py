"""The TypeScript client in `examples/`: made from the document of now, it compiles, and it works."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from kling_mock.control.described import control_document
from kling_mock.control.described.operations import OPERATIONS

from .running import NODE, needs_node
from .test_served_command import serve

EXAMPLE = Path(__file__).parents[1] / "examples" / "typescript-client"
COMPILER = NODE / "node_modules" / "typescript" / "bin" / "tsc"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_control", EXAMPLE / "make_control.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_made_from_the_document_of_now(maker: ModuleType) -> None:
    document = json.loads(json.dumps(control_document(server_url="http://127.0.0.1:8000")))
    written = (EXAMPLE / "control.ts").read_text(encoding="utf-8")
    assert maker.control(document) == written, "run examples/typescript-client/make_control.py again"
    assert all(f"  async {operation.name}(" in written for operation in OPERATIONS)


@pytest.mark.long
@pytest.mark.slow
@needs_node
@pytest.mark.skipif(not COMPILER.exists(), reason="npm install --prefix tests/node brings the compiler")
def test_it_compiles_strictly_and_its_example_runs(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "client", ignore=shutil.ignore_patterns("node_modules"))
    folder = str(tmp_path / "client")
    done = serve("--polls", "1,1", "--log-format", "none", "--", "sh", "-c",
                 f"node '{COMPILER}' -p '{folder}' && node '{folder}/try.js'")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout.splitlines()[0])
    assert (shown["status"], shown["fault"], shown["frozen"]) == (429, "status", False)
    assert shown["wrong"].startswith("There is no scenario 'rate-limted'. Did you mean 'rate-limited'")
