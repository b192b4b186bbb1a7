"""Reports: made of the events of a verification, each in its own form."""
