"""The documentation, as it is installed: Markdown only."""
