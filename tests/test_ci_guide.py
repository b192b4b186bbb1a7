"""The examples for GitLab, shells and containers are true: what they say is run, in plain directories."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from .running import needs_linux
from .test_containerfile import command_of, environment, words

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
CONTAINERS = ROOT / "examples" / "containers"
CLIENT = """\
import json, urllib.request

def generate(payload, *, base_url, api_key):
    headers = {"Authorization": "Bearer " + api_key, "Content-Type": "application/json"}
    made = urllib.request.Request(base_url + "/video/generations", json.dumps(payload).encode(), headers)
    return json.load(urllib.request.urlopen(made))["id"]
"""
PROGRAM = (
    CLIENT
    + """
print(generate({"model": "klingai/v2.5-turbo/pro/text-to-video", "prompt": "x"},
               base_url="https://api.aimlapi.com/v2", api_key="k"))
"""
)
SUITE = """\
fetch(process.env.KLING_MOCK_URL + "/v1/models").then((answer) => process.exit(answer.ok ? 0 : 1));
"""


def section(title: str, language: str) -> str:
    (found,) = re.findall(rf"^## {title}\n.*?^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    text: str = found
    return text


def shell(line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", line],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_the_job_for_gitlab_fails_by_what_is_broken_and_keeps_its_report(tmp_path: Path) -> None:
    job = yaml.safe_load(section("GitLab", "yaml"))["client"]
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "client.py").write_text(CLIENT, encoding="utf-8")
    install, *script = job["script"]
    assert install == "python -m pip install kling-mock"
    some = {"KLING_MOCK_PROPERTY": "A7,B9", "KLING_MOCK_MAX_EXAMPLES": "1"}
    done = [shell(line, tmp_path, **some) for line in script]
    assert [one.returncode for one in done] == [1], done[0].stderr
    report = ElementTree.parse(tmp_path / job["artifacts"]["reports"]["junit"])
    assert {case.get("name") for case in report.iter("testcase")} != set()
    assert job["artifacts"]["when"] == "always" and list(report.iter("failure"))


@pytest.mark.slow
@needs_linux
@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm on this machine")
def test_the_lines_for_any_shell_run(tmp_path: Path) -> None:
    package = {"name": "x", "private": True, "scripts": {"test": "node suite.cjs"}}
    (tmp_path / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (tmp_path / "suite.cjs").write_text(SUITE, encoding="utf-8")
    (tmp_path / "my_program.py").write_text(PROGRAM, encoding="utf-8")
    lines = section("Any shell", "sh").splitlines()
    assert len(lines) == 2
    for line in lines:
        done = shell(line, tmp_path)
        assert done.returncode == 0, done.stderr
    assert ElementTree.parse(tmp_path / "report.xml").getroot().tag.startswith("testsuite")


@contextmanager
def running(folder: Path, variables: dict[str, str]) -> Iterator[str]:
    """The image's command as a process with these variables, and its address."""
    (command,) = words("CMD")
    process = subprocess.Popen(
        command_of(command), cwd=folder, env=environment(**variables), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@needs_linux
def test_the_services_of_the_compose_file_work_together(tmp_path: Path) -> None:
    services = yaml.safe_load((CONTAINERS / "compose.yaml").read_text(encoding="utf-8"))["services"]
    mock, suite = services["kling-mock"], services["tests"]
    assert (CONTAINERS / mock["build"] / "Containerfile").is_file()
    assert suite["depends_on"] == {"kling-mock": {"condition": "service_healthy"}} and words("HEALTHCHECK")
    (volume,) = suite["volumes"]
    inside, outside = volume.split(":")[1], CONTAINERS / volume.split(":")[0]
    with running(tmp_path, mock["environment"]) as url:
        named = {
            name: value.replace("http://kling-mock:8000", url) for name, value in suite["environment"].items()
        }
        command = [word.replace(inside, str(outside)) for word in suite["command"]]
        done = subprocess.run(
            command, env=environment(**named), capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
    assert (done.returncode, done.stdout) == (0, "passed\n"), done.stderr


class Container:
    """What the recipe asks of Testcontainers, with a process in place of a container."""

    def __init__(self, image: str) -> None:
        assert image == "kling-mock"
        self.variables: dict[str, str] = {}

    def with_exposed_ports(self, port: int) -> Container:
        assert words("EXPOSE") == [str(port)]
        return self

    def with_env(self, name: str, value: str) -> Container:
        self.variables[name] = value
        return self

    def __enter__(self) -> Container:
        self.process = running(Path.cwd(), self.variables)
        self.url = self.process.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.__exit__(None, None, None)

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_exposed_port(self, _port: int) -> str:
        return self.url.rpartition(":")[2]


@needs_linux
def test_the_recipe_for_testcontainers_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parts: dict[str, dict[str, Any]] = {
        "testcontainers": {},
        "testcontainers.core": {},
        "testcontainers.core.container": {"DockerContainer": Container},
        "testcontainers.core.waiting_utils": {"wait_for_logs": lambda container, words: None},
    }
    for name, values in parts.items():
        module = types.ModuleType(name)
        module.__dict__.update(values)
        monkeypatch.setitem(sys.modules, name, module)
    recipe = runpy.run_path(str(CONTAINERS / "test_with_testcontainers.py"))
    fixture = recipe["mock"]
    make = getattr(fixture, "__wrapped__", None) or fixture.__pytest_wrapped__.obj
    with contextmanager(make)() as mock:
        recipe["test_a_video_is_made"](mock)
