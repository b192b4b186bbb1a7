"""Values of records that a transaction has read: each is read once, and written once in each part."""

from __future__ import annotations

from .coding import Progress, Sums
from .records import Transaction

__all__ = ["Live"]

SUMS = "sums"


class Live:
    """What a transaction has open; whoever changes a value says so."""

    def __init__(self) -> None:
        self._sums: Sums | None = None
        self._jobs: dict[str, Progress] = {}
        self._changed: dict[str, Progress | Sums] = {}

    def sums(self, tx: Transaction) -> Sums:
        """What is counted of all jobs together, to be changed in place."""
        found = self._sums
        if found is None:
            found = self._sums = Sums.read(tx.get(SUMS))
        return found

    def sums_changed(self) -> None:
        """Have the sums written."""
        if self._sums is not None:
            self._changed[SUMS] = self._sums

    def progress(self, tx: Transaction, job_id: str) -> Progress | None:
        """What is counted of a job, to be changed in place; None where there is no such job.

        Of one that nobody has asked for there is no record.
        """
        found = self._jobs.get(job_id)
        if found is None:
            text = tx.get(f"{job_id}:c")
            if text is None and tx.get(f"{job_id}:p") is None:
                return None
            found = self._jobs[job_id] = Progress(text)
        return found

    def progress_changed(self, job_id: str, progress: Progress) -> None:
        """Have what is counted of a job written."""
        self._changed[f"{job_id}:c"] = progress

    def drop(self, job_id: str) -> None:
        """Forget a job that is removed."""
        self._jobs.pop(job_id, None)
        self._changed.pop(f"{job_id}:c", None)

    def write(self, tx: Transaction) -> None:
        """Write what was changed."""
        for name, value in self._changed.items():
            tx.set(name, value.encode())
        self._changed.clear()

    def forget(self) -> None:
        """Forget it all: the transaction is over, or a part of it was taken back."""
        self._sums = None
        self._jobs.clear()
        self._changed.clear()
