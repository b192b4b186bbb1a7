"""Clients to be checked: Python callables, sync and async; how one call is made and stopped."""

from __future__ import annotations

import abc
import asyncio
import ctypes
import importlib
import inspect
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kling_mock.errors import TargetError, did_you_mean, nearest
from kling_mock.timing import STOP_LOOK
from kling_mock.virtual_time.originals import allocate_lock
from kling_mock.virtual_time.originals import sleep as real_sleep
from kling_mock.virtual_time.proc import RUNNABLE, work_of_thread

from ..running.models import Outcome
from .call_forms import fields_taken, takes_fields_by_name
from .client_time import VirtualTime
from .errors_raised import is_unsupported, name_of, raised_on_purpose, text_of
from .kept_loop import ClientStopped, KeptLoop, kept_loop
from .safe_import import try_import

__all__ = [
    "CallArguments",
    "CallableClient",
    "Client",
    "ClientCall",
    "ClientKind",
    "ClientStopped",
    "load_callable",
]

_SOME = 12
"""Names of a module that are shown to who asks for one that it has not."""
_CANCELS = 3
"""Times that a coroutine is cancelled before it is stopped by force."""
_LOOKS = 10
"""Looks at a call, most of which find it at work where it is."""
ClientKind = Literal["python", "command"]
"""A callable of this process, or a program."""


@dataclass(frozen=True)
class CallArguments:
    """The arguments of one call of a client."""

    payload: Any
    base_url: str
    api_key: str
    generation_id: str | None = None


class ClientCall(abc.ABC):
    """One call of a client in a thread of its own; `outcome` is there once `wait` says that it ended."""

    def __init__(self, arguments: CallArguments) -> None:
        self.arguments = arguments
        self.outcome = Outcome("stopped")
        self.over = False
        """True once it has ended, before `wait` says so."""
        self._ended = allocate_lock()
        self._ended.acquire()
        self._thread = threading.Thread(target=self._main, name="kling-mock client", daemon=True)

    def start(self) -> None:
        """Begin the call."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for so many real seconds at most, and say whether it ended."""
        if self._ended.acquire(timeout=seconds):
            self._ended.release()
            return True
        return False

    @abc.abstractmethod
    def stop(self) -> None:
        """End it from outside; may be called again."""

    @abc.abstractmethod
    def interrupt(self) -> bool:
        """Interrupt it as its user would; False where that cannot be done."""

    def at_work(self) -> bool:
        """Tell whether a thread of it works at this moment, as far as the system says."""
        return True

    def rests(self) -> bool:
        """Tell whether it does nothing, for as long as it is looked at."""
        seen = 0
        for _ in range(_LOOKS):
            seen += self.at_work()
            real_sleep(STOP_LOOK / _LOOKS)
        return 2 * seen <= _LOOKS

    def abandon(self) -> None:
        """Leave it where it is: it does nothing, and nothing ends it."""
        self.outcome = Outcome("stopped", text="it waits for something that never comes, as for a lock")

    def process_arguments(self) -> str:
        """The arguments of the processes that it consists of; empty for a callable."""
        return ""

    @abc.abstractmethod
    def work(self) -> Outcome:
        """Make the call, in a thread of its own."""

    def _main(self) -> None:
        try:
            self.outcome = self.work()
        except ClientStopped:
            pass
        finally:
            self.over = True
            self._ended.release()


class Client(abc.ABC):
    """Somebody's client: `call` makes one call of it."""

    kind: ClientKind
    fields: frozenset[str] | None = None
    """The fields that it can be asked for, where its signature says so; None for all."""
    secure = False
    """True where it wants its video by https: the URLs in answers are such then."""
    virtual_time: VirtualTime = VirtualTime.NONE
    """How much of it follows the server's clock."""

    def __init__(self, name: str, target: tuple[str, ...] = ()) -> None:
        self.name = name
        self.target = target or (name,)
        """The words that name it on the command line of `kling-mock verify`."""

    @abc.abstractmethod
    def call(self, arguments: CallArguments) -> ClientCall:
        """One call, not yet begun."""

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End what was kept from call to call."""

    @property
    def can_resume(self) -> bool:
        """True where it can be handed the id of a job that exists."""
        return False

    @property
    def can_interrupt(self) -> bool:
        """True where it can be interrupted while it waits."""
        return False


class CallableClient(Client):
    """`generate(payload, *, base_url, api_key) -> str`, sync or async, in this process, in virtual time."""

    kind: ClientKind = "python"
    virtual_time = VirtualTime.WHOLE

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        super().__init__(name or f"{function.__module__}:{getattr(function, '__qualname__', function)}")
        self.function = function
        self.asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
        )
        self.by_name = takes_fields_by_name(function)
        """True where it is called with a keyword for each field, instead of one payload."""
        self.fields = fields_taken(function)
        self.keeps_loop = True
        """Whether all coroutines run in one loop, or each in one of its own."""
        self._resumes = "generation_id" in _parameters(function)
        self.package = (getattr(function, "__module__", None) or "").partition(".")[0]

    def call(self, arguments: CallArguments) -> ClientCall:
        """One call of the function."""
        return _FunctionCall(self, arguments)

    def invoke(self, payload: Any, options: Mapping[str, str]) -> Any:
        """Call the function with a payload, or with its fields where it takes those."""
        if not self.by_name:
            return self.function(payload, **options)
        taken = self.fields
        return self.function(
            **{name: payload[name] for name in payload if taken is None or name in taken}, **options
        )

    @property
    def loop(self) -> KeptLoop | None:
        """Where its coroutines run; None where each has a loop of its own."""
        return kept_loop() if self.keeps_loop else None

    def close(self) -> None:
        """Cancel what its coroutines have left; their loop stays, for what a module keeps belongs to it."""
        if self.keeps_loop:
            kept_loop().rest()

    @property
    def can_resume(self) -> bool:
        """True where the function takes a `generation_id`."""
        return self._resumes

    @property
    def can_interrupt(self) -> bool:
        """Only a coroutine can be cancelled."""
        return self.asynchronous


class _FunctionCall(ClientCall):
    def __init__(self, client: CallableClient, arguments: CallArguments) -> None:
        super().__init__(arguments)
        self._client = client
        self._stops = 0
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept = client.loop

    def work(self) -> Outcome:
        options = {"base_url": self.arguments.base_url, "api_key": self.arguments.api_key}
        if self.arguments.generation_id is not None:
            options["generation_id"] = self.arguments.generation_id
        # As in a main thread, where `asyncio.get_event_loop()` gives a loop to synchronous code.
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            value = self._client.invoke(self.arguments.payload, options)
            if inspect.isawaitable(value):
                kept = self._kept
                value, error = (asyncio.run if kept is None else kept.run)(self._await(value))
                if error is not None:
                    raise error
        except ClientStopped:
            return _stopped()
        except SystemExit as error:
            return Outcome("exited", error="SystemExit", text=f"sys.exit({error.code!r})")
        except BaseException as error:
            if self._stops and isinstance(error, asyncio.CancelledError):
                return _stopped()
            return Outcome(
                "raised",
                error=name_of(error),
                text=text_of(error),
                deliberate=raised_on_purpose(error, self._client.package),
                unsupported=is_unsupported(error),
            )
        finally:
            asyncio.set_event_loop(None)
            if not loop.is_running():
                loop.close()
        return Outcome("returned", value)

    async def _await(self, value: Any) -> tuple[Any, BaseException | None]:
        """What comes of it: a value, or an error, which the loop itself gets nothing to see of."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        try:
            return await value, None
        except BaseException as error:
            return None, error
        finally:
            # Before the loop rests again, which would let time go on.
            self.over = True

    def stop(self) -> None:
        """Cancel the coroutine; else raise `ClientStopped` in its thread: at its next step of Python code."""
        self._stops += 1
        thread, kept = self._thread.ident, self._kept
        if kept is not None and self._task is not None:
            if self._stops <= _CANCELS:
                self.interrupt()
                return
            thread = kept.thread
        if thread is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread), ctypes.py_object(ClientStopped)
            )

    def at_work(self) -> bool:
        """Tell whether its thread, or the loop in which its coroutine is, works at this moment."""
        own = [self._thread.ident, *([self._kept.thread] if self._kept and self._task else [])]
        numbers = [one.native_id for one in threading.enumerate() if one.ident in own and one.native_id]
        return not numbers or any(work_of_thread(one) in (RUNNABLE, None) for one in numbers)

    def abandon(self) -> None:
        """Leave its thread where it is; a loop that is blocked by it is not used again."""
        super().abandon()
        if self._kept is not None and self._task is not None:
            self._kept.rest()

    def interrupt(self) -> bool:
        """Cancel the coroutine."""
        if self._loop is None or self._task is None or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(self._task.cancel)
        return True


def _stopped() -> Outcome:
    return Outcome("stopped", text="it did not come back")


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return ()


def load_callable(target: str) -> CallableClient:
    """The function that `package.module:name` names; raises `TargetError` that says what is wrong with it."""
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise TargetError(
            f"The client {target!r} cannot be found: expected MODULE:FUNCTION such as my_client:generate."
            " A program in another language is given after --, as in: kling-mock verify -- node client.js"
        )
    if module_name.endswith(".py"):
        written = module_name.removesuffix(".py").removeprefix("./").replace("/", ".").strip(".")
        raise TargetError(f"{target}: expected a module, received a file: write {written}:{path}.")
    module = _import(target, module_name)
    value: Any = module
    for name in path.split("."):
        try:
            value = getattr(value, name)
        except AttributeError:
            known = sorted(known for known in vars(module) if not known.startswith("_"))
            hint = did_you_mean(nearest(name, known))
            has = f".{hint}" if hint else f"; it has {', '.join(known[:_SOME]) or 'no public name'}."
            raise TargetError(f"{module_name} has no {path!r}{has}") from None
    if not callable(value):
        raise TargetError(f"{target} is no function: expected a callable, received {type(value).__name__}.")
    if isinstance(value, type):
        raise TargetError(_of_a_class(value, target, module_name))
    _check_signature(value, target)
    return CallableClient(value, target)


def _import(target: str, name: str) -> Any:
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try_import(target, name)
    try:
        return importlib.import_module(name)
    except (SystemExit, Exception) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            raise TargetError(f"{target} cannot be imported: {_no_module(missing)}") from None
        last = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        where = f" ({last.filename}:{last.lineno})" if last and "importlib" not in last.filename else ""
        raise TargetError(f"{target} cannot be imported: {type(error).__name__}: {error}{where}.") from None


def _no_module(name: str) -> str:
    """That there is no module of a name, with those beside it that look like it."""
    *packages, last = name.split(".")
    folder = Path(*packages)
    known = [file.stem for file in folder.glob("*.py")]
    known += [file.parent.name for file in folder.glob("*/__init__.py")]
    near = [".".join([*packages, one]) for one in nearest(last, sorted(known))]
    return f"there is no module {name!r} in this folder, and none is installed.{did_you_mean(near)}"


def _of_a_class(value: type, target: str, module: str) -> str:
    """What to write where the client is a class: how its objects are made and used, nobody else knows."""
    name = value.__name__
    return (
        f"{target} is a class: expected a function. Write one that uses it, in a module of your own, such as"
        f"\n\n    from {module} import {name}\n\n    def generate(payload, *, base_url, api_key):"
        f"\n        return {name}(base_url=base_url, api_key=api_key).generate(payload)  # the video's URL\n"
    )


def _check_signature(function: Callable[..., Any], target: str) -> None:
    payload: tuple[Any, ...] = () if takes_fields_by_name(function) else ({},)
    try:
        inspect.signature(function).bind_partial(*payload, base_url="", api_key="")
        if payload:
            inspect.signature(function).bind(*payload, base_url="", api_key="")
    except TypeError as error:
        raise TargetError(
            f"{target} cannot be called as generate(payload, *, base_url, api_key): {error}."
        ) from None
    except ValueError:
        return
