"""A network of its own for the programs of a run (Linux): `keeper.py` makes it, in a process of its own."""

__all__: list[str] = []
