"""Property tests that check a client against the contract, and the generated data that they use.

Names are imported when they are asked for, so a session that uses none of them stays fast. `__init__.pyi`
lists them.
"""

from __future__ import annotations

from kling_mock.lazy_names import attach

__getattr__, __dir__ = attach(__name__)
