"""Options and own scenarios in TOML: reading them, and writing a scenario down."""

from .toml_file import dump_scenario, load_config

__all__ = ["dump_scenario", "load_config"]
