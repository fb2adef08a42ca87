"""The door for agents: verify, deduplicate, store in groups, hand on."""
