"""Several workers would each have jobs of their own: a server that starts them is refused with a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from kling_mock import ServerError, Settings, create_app
from kling_mock.serving.asgi_server import bind
from kling_mock.serving.several_workers import STARTUP_FAILURE

from .support import until

SENTENCE = "2 workers would each have jobs of their own, and polls would miss theirs. Run it with one worker."
PATIENCE = 60.0
"""Real seconds for interpreters to start on a loaded machine."""
needs_posix = pytest.mark.skipif(os.name == "nt", reason="signals and file descriptors of POSIX")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """The folder of a module `mod` that makes the application, as users write it."""
    (tmp_path / "mod.py").write_text(
        textwrap.dedent(
            """
            from kling_mock import Settings, create_app

            app = create_app(Settings(polls=(1, 1)))


            def make():
                return create_app()
            """
        )
    )
    return tmp_path


def free_port() -> int:
    with bind("127.0.0.1", 0) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def started(folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A program in a session of its own, ended with all that it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until_it_says(process: subprocess.Popen[str], words: str) -> str:
    """What a program says, up to and with these words."""
    said = ""
    assert process.stdout is not None
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def answers(port: int) -> bool:
    """Whether the mock answers by now: some servers listen a moment after they say that all has started."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_mock/health", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except ConnectionError:
        return False
    except urllib.error.URLError as error:
        assert isinstance(error.reason, ConnectionError)
        return False


@pytest.mark.slow
@needs_posix
@pytest.mark.skipif(
    not hasattr(multiprocess, "STARTUP_FAILURE"), reason="this uvicorn starts a worker again whatever it says"
)
@pytest.mark.parametrize("target", [["mod:app"], ["--factory", "mod:make"]], ids=["app", "factory"])
def test_uvicorn_with_two_workers_says_why_and_ends(module: Path, target: list[str]) -> None:
    port = str(free_port())
    with started(module, "uvicorn", "--workers", "2", "--port", port, *target) as process:
        said = process.communicate(timeout=PATIENCE)[0]
    assert f"kling-mock: This mock keeps its jobs in the memory of one process: {SENTENCE}" in said
    assert "failed to start, stopping the parent process" in said
    assert "Traceback" not in said and "Application startup complete" not in said


@pytest.mark.slow
@needs_posix
@pytest.mark.parametrize("options", [[], ["--workers", "1"], ["--reload"]], ids=["plain", "one", "reload"])
def test_one_worker_serves(module: Path, options: list[str]) -> None:
    port = free_port()
    with started(module, "uvicorn", "--port", str(port), *options, "mod:app") as process:
        until_it_says(process, "Application startup complete")
        until(lambda: answers(port))


@needs_posix
@pytest.mark.skipif(find_spec("gunicorn") is None, reason="gunicorn is not installed")
@pytest.mark.parametrize("workers", [1, 2])
def test_gunicorn(module: Path, workers: int) -> None:
    port = free_port()
    command = (
        "gunicorn",
        "-w",
        str(workers),
        "-b",
        f"127.0.0.1:{port}",
        "-k",
        "uvicorn.workers.UvicornWorker",
    )
    with started(module, *command, "mod:app") as process:
        if workers == 1:
            until_it_says(process, "Application startup complete")
            until(lambda: answers(port))
            return
        said = process.communicate(timeout=PATIENCE)[0]
        assert SENTENCE in said and process.returncode not in (0, None)


# What is seen of it in one process


class Loader:
    """Imports an application as a server does that keeps its options in `self`."""

    def __init__(self, workers: object) -> None:
        self.workers = workers

    def load(self) -> object:
        return create_app()


def loader(module: str, workers: object) -> Loader:
    made = type("Config", (Loader,), {"__module__": module})(workers)
    assert isinstance(made, Loader)
    return made


@pytest.mark.parametrize("server", ["uvicorn.config", "gunicorn.config", "hypercorn.config"])
def test_options_of_a_server_are_found_and_refused(server: str) -> None:
    with pytest.raises(ServerError, match="Run it with one worker"):
        loader(server, 2).load()
    assert loader(server, 1).load() and loader(server, None).load()


def test_with_a_store_that_workers_share_several_are_welcome(tmp_path: Path) -> None:
    def imported(config: object) -> object:
        return create_app(Settings(store=f"sqlite:{tmp_path}/a.db"))

    assert imported(uvicorn.Config("mod:app", workers=3))


@pytest.mark.parametrize("other", ["uvicorny.config", "mine.gunicorn", "celery.app"])
def test_options_of_others_say_nothing(other: str) -> None:
    assert loader(other, 8).load()


def test_options_that_stand_apart_are_found() -> None:
    def imported(config: object) -> object:
        return create_app()

    with pytest.raises(ServerError, match="3 workers"):
        imported(uvicorn.Config("mod:app", workers=3))
    assert imported(uvicorn.Config("mod:app"))


def test_the_ending_is_the_one_that_uvicorn_stops_at() -> None:
    assert uvicorn.config.STARTUP_FAILURE == STARTUP_FAILURE
