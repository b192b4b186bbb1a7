"""Running a client: functions and commands, their environments, and the limits of a run."""

__all__: list[str] = []
