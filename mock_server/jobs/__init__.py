"""What a job is, what is counted of it, and where it stands: plans, counters, timelines, ids, charges."""

__all__: list[str] = []
