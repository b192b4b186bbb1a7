"""Doing without uvloop: its timers, timeouts and connects are in C, where nothing else reaches."""

from __future__ import annotations

import sys
from typing import Any

from .import_hooks import ImportHooks
from .patches import Patches

__all__ = ["patch_uvloop", "without_uvloop"]


def without_uvloop(patches: Patches) -> None:
    """Let asyncio's own loop stand in for uvloop, which has been imported; loops that exist stay."""
    import asyncio

    uvloop: Any = sys.modules["uvloop"]

    # Functions and classes of our own: modules that imported the originals by name get these, and back.
    def install() -> None:
        """Nothing to install."""

    def new_event_loop() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop()

    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):  # type: ignore[misc,unused-ignore]
        pass

    def run(main: Any, **options: Any) -> Any:
        options.pop("loop_factory", None)
        return asyncio.run(main, **options)

    policy = asyncio.get_event_loop_policy()
    if isinstance(policy, uvloop.EventLoopPolicy):
        asyncio.set_event_loop_policy(EventLoopPolicy())
        patches.later(lambda: asyncio.set_event_loop_policy(policy))
    patches.replace(uvloop, "install", install)
    patches.replace(uvloop, "new_event_loop", new_event_loop)
    patches.replace(uvloop, "EventLoopPolicy", EventLoopPolicy)
    patches.replace(uvloop, "run", run)
    patches.set(uvloop, "Loop", asyncio.SelectorEventLoop)


def patch_uvloop(patches: Patches, import_hooks: ImportHooks | None) -> None:
    """Do without uvloop as soon as it is there."""
    if import_hooks is None:
        import_hooks = ImportHooks()
        patches.later(import_hooks.forget)
    import_hooks.when("uvloop", lambda: without_uvloop(patches))
