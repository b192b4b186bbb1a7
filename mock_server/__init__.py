"""A mock of AI/ML API's Kling video endpoints, and a kit that tests clients against their contract.

The public API is: the names that this package and `kling_mock.contract_tests` export, which are listed in the
`__init__.pyi` of each; `kling_mock.virtual_time.fast_forward` and `kling_mock.interception.intercept`; the
fixtures, the marker and the options of the pytest plugin; the command line; and the control API under
`/_mock/`. All other modules are private and may change in any release.
"""

from __future__ import annotations

from .lazy_names import attach

__getattr__, __dir__ = attach(__name__)
