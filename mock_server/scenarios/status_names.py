"""Other names of statuses on the wire, as a value that nobody changes."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["Words"]


class Words(dict[str, str]):
    """A status to the word that answers say instead; frozen, so that it has a hash and can be shared.

    A dictionary underneath: polls look words up in it, and a mapping of Python's own would slow them down.
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Words, (dict(self),)

    def __deepcopy__(self, _memo: object) -> Words:
        return self

    def copy(self) -> Words:
        """Itself: there is nothing that could become different."""
        return self

    def _refuse(self, *_args: object, **_options: object) -> NoReturn:
        raise TypeError(
            "The words of a scenario do not change: make another one with scenario.replace(words=…)."
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
