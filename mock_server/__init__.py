"""A mock of AI/ML API's Kling video endpoints, and a kit that tests clients against their contract.

The public API consists of the names that this package and `kling_mock.contract_tests` export, listed in the
`__init__.pyi` of each, of `kling_mock.virtual_time.fast_forward` and `kling_mock.interception.intercept`, of the
pytest plugin's fixtures, marker and options, of the command line, and of the control API under `/_mock/`. All
other modules are private and may change in any release.
"""

from __future__ import annotations

from .lazy_names import attach

__version__ = "0.1.0"

__getattr__, __dir__ = attach(__name__, "__version__")
