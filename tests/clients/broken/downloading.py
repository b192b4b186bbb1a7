"""Clients that put a video together wrongly after a download that broke off."""

from __future__ import annotations

from typing import Any

from ..resuming import BeginsAnew, Resuming
from ..zoo import breaks

__all__: list[str] = []


@breaks("D14")
class AppendsTheWhole(BeginsAnew):
    """Asks for the whole video again, and writes it behind the half that is there."""

    def mode(self, answer: Any, have: int) -> str:
        return "ab"


@breaks("D14")
class TrustsInRanges(Resuming):
    """Asks for the rest, and writes behind the half what comes, be it the rest or the whole."""

    def mode(self, answer: Any, have: int) -> str:
        return "ab"


@breaks("D14")
class SkipsAByte(Resuming):
    """Asks for the rest from one byte too far on."""

    def asking(self, have: int, tag: str) -> dict[str, str]:
        return super().asking(have + 1 if have else 0, tag)


@breaks("D14")
class RepeatsAByte(Resuming):
    """Asks for the rest from its last byte on, which it has already."""

    def asking(self, have: int, tag: str) -> dict[str, str]:
        return super().asking(max(0, have - 1), tag)


@breaks("D14")
class WritesOverTheBeginning(Resuming):
    """Writes the rest over the half that is there."""

    def mode(self, answer: Any, have: int) -> str:
        return "r+b" if have else "wb"


@breaks("D14")
class ForgetsTheTag(Resuming):
    """Asks for the rest of whatever is at the URL by now."""

    def asking(self, have: int, tag: str) -> dict[str, str]:
        return super().asking(have, "")


@breaks("D14")
class KeepsTheRestAlone(Resuming):
    """Writes the rest alone into the file, and the half is gone."""

    def mode(self, answer: Any, have: int) -> str:
        return "wb"
