"""People, roles, settings and the clock of the collector."""
