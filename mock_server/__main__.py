"""`python -m mock_server` is `kling-mock`."""

import sys

from mock_server.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
