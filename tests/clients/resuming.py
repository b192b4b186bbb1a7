"""A right client that goes on with a download that broke off, where the video's host lets it."""

from __future__ import annotations

import http.client
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from .reference import Client
from .wire import GenerationFailed

__all__ = ["BeginsAnew", "ComparesTags", "Resuming"]


class Resuming(Client):
    """Asks for the rest of a half file; begins anew where it is given the whole, or another file's rest."""

    attempts = 3
    tag = ""

    def poll(self, generation_id: str) -> str:
        url = super().poll(generation_id)
        place = Path(gettempdir()) / f"kling-resumed-{os.getpid()}-{threading.get_ident()}.mp4"
        place.unlink(missing_ok=True)
        self.tag = ""
        for attempt in range(1, self.attempts + 1):
            try:
                self.fetch(url, place)
                return url
            except (OSError, http.client.HTTPException) as error:
                if attempt == self.attempts:
                    place.unlink(missing_ok=True)
                    raise GenerationFailed(f"{generation_id}: the download failed: {error}") from error
            self.sleep(5)
        return url

    def fetch(self, url: str, place: Path) -> None:
        """Fetch what is not there yet; raises where it breaks off."""
        have = place.stat().st_size if place.exists() else 0
        request = urllib.request.Request(url, headers=self.asking(have, self.tag))
        with (
            urllib.request.urlopen(request, timeout=60) as answer,
            place.open(self.mode(answer, have)) as file,
        ):
            # Kept before it breaks off: it is what the half file is of.
            self.tag = answer.headers.get("etag", "")
            while piece := answer.read1(10_000):
                file.write(piece)
            if answer.length:
                raise OSError(f"{answer.length} bytes did not come")

    def asking(self, have: int, tag: str) -> dict[str, str]:
        """The headers of a request for what comes after so many bytes."""
        if not have:
            return {}
        return {"Range": f"bytes={have}-", **({"If-Range": tag} if tag else {})}

    def mode(self, answer: Any, have: int) -> str:
        """How the file is opened: what is in it stays only where the answer goes on there."""
        return "ab" if answer.status == 206 else "wb"


class ComparesTags(Resuming):
    """Asks for the rest whatever file it is of, and begins anew where that is another."""

    def asking(self, have: int, tag: str) -> dict[str, str]:
        return super().asking(have, "")

    def fetch(self, url: str, place: Path) -> None:
        before = self.tag
        super().fetch(url, place)
        if before not in ("", self.tag):
            place.unlink()
            self.tag = ""
            raise OSError("another file is at the URL")


class BeginsAnew(Resuming):
    """Asks for the whole video again, and writes over what is there."""

    def asking(self, have: int, tag: str) -> dict[str, str]:
        return {}
