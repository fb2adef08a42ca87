"""Asks devices and says what they answered. Knows no family by name, and opens ports only by `agent.ports`.
This is the only room that tries again after a port or a device was lost."""
