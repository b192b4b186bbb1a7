"""Write the zoo's counterexamples anew: `python -m tests.clients.record`, then read the diff."""

from __future__ import annotations

import json

from .catching import RECORDED, caught, described
from .zoo import zoo

__all__: list[str] = []


def main() -> None:
    """Try every broken client, and keep the smallest case that each is caught by."""
    found = {}
    for name, exhibit in zoo().items():
        results = caught(exhibit).results
        counterexample = results[0].counterexample if results else None
        found[name] = described(counterexample.trial) if counterexample else None
        print(exhibit.property, name, results[0].result if results else "not run", flush=True)
    RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
