"""How often the triage is right, on faults of our own and on recorded ones."""
