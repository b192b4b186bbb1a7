"""Running a client: functions and commands, their surroundings, and the limits of a run."""

__all__: list[str] = []
